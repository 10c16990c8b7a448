//! Labels find executions again, however they were started.

use selsyn::{Control, ExecutionId, Group, StartError, Task};
use selsyn_testing::{TestCluster, expect};

async fn found(control: &Control, labels: &[&str]) -> Vec<ExecutionId> {
    let list = labels.iter().fold(control.list(), |list, label| list.label(*label));
    let mut found: Vec<_> = list.await.unwrap().into_iter().map(|info| info.id).collect();
    found.sort();
    found
}

fn sorted<const N: usize>(mut ids: [ExecutionId; N]) -> Vec<ExecutionId> {
    ids.sort();
    ids.to_vec()
}

#[tokio::test]
async fn a_task_of_a_session_is_found_by_its_labels_while_it_waits_and_while_it_runs() {
    let slaves = |_, slave: selsyn::SlaveBuilder| slave.slots(1);
    let cluster = TestCluster::builder(1).slaves(slaves).start().await.unwrap();
    let (connection, control) = (cluster.connection(0), cluster.connection(0).executions());
    let wait = || connection.new_task(()).unwrap().function("wait_for_abort");
    let running = wait().label("team", "vision").label("run", 7).start().await.unwrap();
    let queued = wait().label("run", 8).label("team", "vision").start().await.unwrap();
    let plain = wait().start().await.unwrap();
    let (one, two) = (running.execution_id(), queued.execution_id());
    assert_eq!(found(&control, &["team=vision"]).await, sorted([one, two]));
    assert_eq!(found(&control, &["team=vision", "run=8"]).await, [two]);
    assert_eq!(found(&control, &["team=vision", "run=9"]).await, []);
    assert_eq!(found(&control, &["vision"]).await, []);
    assert_eq!(control.get(one).await.unwrap().labels, ["team=vision", "run=7"]);
    assert_eq!(control.get(plain.execution_id()).await.unwrap().labels, [""; 0]);
    for task in [plain, queued, running] {
        task.cancel("enough");
        expect::ended(&task).await;
    }
    // What comes next may be given the room of what was.
    let after = wait().start().await.unwrap();
    assert_eq!(control.get(after.execution_id()).await.unwrap().labels, [""; 0]);
    cluster.stop().await;
}

#[tokio::test]
async fn the_tasks_of_a_group_and_detached_starts_have_labels_too() {
    let cluster = TestCluster::start(2).await.unwrap();
    let group = Group::new(cluster.connections().iter().cloned()).unwrap();
    let task = group.new_task(()).unwrap().function("wait_for_abort").label("run", 7);
    let running = task.start().await;
    for member in 0..2 {
        let control = cluster.connection(member).executions();
        let start = control.start("wait_for_abort", ()).unwrap();
        let detached = start.label("nightly").label("run=7").await.unwrap().id();
        assert_eq!(found(&control, &["run=7"]).await.len(), 2);
        assert_eq!(found(&control, &["nightly"]).await, [detached]);
    }
    running.cancel("enough");
    cluster.stop().await;
}

#[tokio::test]
async fn labels_that_are_too_long_or_empty_are_refused_and_nothing_runs() {
    let cluster = TestCluster::start(1).await.unwrap();
    let (connection, control) = (cluster.connection(0), cluster.connection(0).executions());
    let task = || connection.new_task(1).unwrap().function("echo");
    let refused = async |task: Task| match task.start().await.unwrap_err() {
        StartError::Refused { refusal, .. } => refusal.reason.as_str(),
        other => panic!("{other}"),
    };
    // 256 bytes, and then one more.
    task().label("k", "x".repeat(254)).start().await.unwrap().join().await;
    assert_eq!(refused(task().label("k", "x".repeat(255))).await, "E0304");
    assert_eq!(refused(task().label("k", "x".repeat(254)).label("", "")).await, "E0304");
    let error = control.start("echo", 1).unwrap().label("").await.unwrap_err();
    assert_eq!(error.code(), "E0304");
    cluster.stop().await;
}

#[tokio::test]
async fn a_list_by_more_labels_than_any_execution_has_is_refused() {
    let cluster = TestCluster::start(1).await.unwrap();
    let control = cluster.connection(0).executions();
    let by = |labels: usize| (0..labels).fold(control.list(), |list, _| list.label("x"));
    assert!(by(256).await.unwrap().is_empty());
    assert_eq!(by(257).await.unwrap_err().code(), "E0304");
    cluster.stop().await;
}
