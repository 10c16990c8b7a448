//! The D cases: what PyODPS promises of instances, or should have.

mod failures;
mod monitor;
mod parts;
mod results;
mod waiting;

use std::time::SystemTime;

use selsyn::{
    Control, ControlError, ExecutionId, ExecutionInfo, Phase, StatusFilter, TaskId, TaskStatus,
};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::{Value, json};

/// A cluster of one slave with a function `wait`, which waits for the gate.
async fn instances(gate: &Gate) -> (TestCluster, Control) {
    let wait = functions::wait_for(gate.clone());
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.slots(64).function("wait", wait.clone()))
        .start()
        .await
        .unwrap();
    let control = cluster.connection(0).executions();
    (cluster, control)
}

async fn finished(control: &Control, function: &str, data: Value) -> ExecutionId {
    let started = control.start(function, data).unwrap().await.unwrap();
    control.wait_for_completion(started.id(), Some(expect::LIMIT)).await.unwrap();
    started.id()
}

fn ids(listed: &[ExecutionInfo]) -> Vec<ExecutionId> {
    listed.iter().map(|info| info.id).collect()
}

#[tokio::test]
async fn d_01_lists_what_runs_in_any_case_of_the_word_and_of_one_owner() {
    let gate = Gate::closed();
    let (cluster, control) = instances(&gate).await;
    finished(&control, "echo", json!(1)).await;
    let mut running = Vec::new();
    for n in 0..3 {
        running.push(control.start("wait", n).unwrap().await.unwrap().id());
    }
    // Accepted, and about to run.
    let begun = async { while control.list().status(Phase::Running).await.unwrap().len() < 3 {} };
    expect::soon("three that run", begun).await;
    running.reverse();
    for word in ["running", "Running", "RUNNING"] {
        let status: StatusFilter = word.parse().unwrap();
        let listed = control.list().status(status).mine().await.unwrap();
        assert_eq!(ids(&listed), running);
        assert!(listed.iter().all(|info| info.phase == Phase::Running));
        assert!(listed.iter().all(|info| info.owner == control.owner()));
    }
    let unknown = "Runing".parse::<StatusFilter>().unwrap_err();
    assert_eq!(unknown.code(), "E0304");
    gate.open();
    cluster.stop().await;
}

#[tokio::test]
async fn d_02_lists_between_two_times_of_which_either_may_be_open() {
    let gate = Gate::closed();
    let (cluster, control) = instances(&gate).await;
    let first = finished(&control, "echo", json!(1)).await;
    let second = finished(&control, "echo", json!(2)).await;
    let came = async |id| control.get(id).await.unwrap().came;
    let (one, two): (SystemTime, SystemTime) = (came(first).await, came(second).await);
    assert!(one < two);
    assert_eq!(ids(&control.list().since(two).await.unwrap()), [second]);
    assert_eq!(ids(&control.list().before(two).await.unwrap()), [first]);
    assert_eq!(ids(&control.list().since(one).before(two).await.unwrap()), [first]);
    assert_eq!(ids(&control.list().since(one).await.unwrap()), [second, first]);
    assert!(control.list().before(one).await.unwrap().is_empty());
    cluster.stop().await;
}

#[tokio::test]
async fn d_03_turns_pages_unseen() {
    let gate = Gate::closed();
    let (cluster, control) = instances(&gate).await;
    let running = control.start("wait", ()).unwrap().await.unwrap().id();
    let mut started = vec![running];
    for n in 0..50 {
        started.push(finished(&control, "echo", json!(n)).await);
    }
    started.reverse();
    let mut pages = control.list().page_size(20).pages();
    let mut listed = vec![pages.next().await.unwrap().unwrap().id];
    // What comes while the pages are turned changes none of them.
    finished(&control, "echo", json!("new")).await;
    while let Some(info) = pages.next().await {
        listed.push(info.unwrap().id);
    }
    assert_eq!(listed, started);
    assert!(listed.contains(&running));
    gate.open();
    cluster.stop().await;
}

#[tokio::test]
async fn d_04_an_id_that_never_existed_does_not_exist_and_that_is_no_error() {
    let (cluster, control) = instances(&Gate::closed()).await;
    let stranger = ExecutionId::first(TaskId::from_random([9; 16]));
    assert!(!control.exists(stranger).await.unwrap());
    // To get it says so at once, and not at the first field that is read.
    let error = control.get(stranger).await.unwrap_err();
    assert!(matches!(error, ControlError::NotFound { id } if id == stranger));
    cluster.stop().await;
}

#[tokio::test]
async fn d_06_what_has_finished_is_terminated_and_does_not_run() {
    let (cluster, control) = instances(&Gate::closed()).await;
    let id = finished(&control, "echo", json!(1)).await;
    let info = control.get(id).await.unwrap();
    assert!(info.is_ended() && info.phase != Phase::Running);
    assert_eq!((info.status, info.is_successful()), (TaskStatus::Completed, Some(true)));
    assert_eq!(
        ids(&control.list().status("Terminated".parse::<StatusFilter>().unwrap()).await.unwrap()),
        [id]
    );
    let failed = finished(&control, "fail", json!("on purpose")).await;
    assert_eq!(control.get(failed).await.unwrap().is_successful(), Some(false));
    cluster.stop().await;
}

#[tokio::test]
async fn d_10_a_stop_ends_it_and_lets_those_who_wait_go() {
    let (cluster, control) = instances(&Gate::closed()).await;
    let id = control.start("wait_for_abort", ()).unwrap().await.unwrap().id();
    let waiting = tokio::spawn({
        let control = control.clone();
        async move { control.wait_for_completion(id, Some(expect::LIMIT)).await }
    });
    control.stop(id, "no longer wanted").await.unwrap();
    let outcome = waiting.await.unwrap().unwrap();
    assert_eq!(outcome.status, TaskStatus::Aborted);
    // PyODPS: InvalidStateSetting.
    let error = control.stop(id, "again").await.unwrap_err();
    assert!(matches!(error, ControlError::AlreadyTerminal { status: TaskStatus::Aborted, .. }));
    assert!(control.ensure_stopped(id, "again").await.unwrap().is_ended());
    cluster.stop().await;
}

#[tokio::test]
async fn d_11_an_id_of_the_callers_own_is_read_back() {
    let (cluster, control) = instances(&Gate::closed()).await;
    let mine = TaskId::from_random([11; 16]);
    control.start("echo", 1).unwrap().id(mine).await.unwrap();
    let info = control.get(ExecutionId::first(mine)).await.unwrap();
    assert_eq!(info.id.task, mine);
    cluster.stop().await;
}
