//! Stopping is a ladder with an owner and a clock: ask, wait for the grace, force, report.

use std::time::Duration;

use selsyn::{Failure, FailureKind, FunctionExecution, Ran, TaskStatus};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::json;

const GRACE: Duration = Duration::from_millis(50);

async fn cluster(gate: &Gate) -> TestCluster {
    let gate = gate.clone();
    TestCluster::builder(1)
        .slaves(move |_, slave| {
            slave
                .abort_grace(GRACE)
                .function("wait", functions::wait_for(gate.clone()))
                .function("block", functions::ignore_abort(gate.clone()))
        })
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_function_that_listens_stops_at_once_and_its_value_is_kept_as_partial() {
    let cluster = TestCluster::start(1).await.unwrap();
    let task = cluster.connection(0).new_task(json!("half")).unwrap().function("wait_for_abort");
    let running = task.start().await.unwrap();
    expect::running(&running).await;
    running.cancel("enough");
    let failure = expect::failure(&running, TaskStatus::Aborted).await;
    assert_eq!((failure.kind, failure.ran), (FailureKind::Aborted, Ran::Yes));
    assert_eq!(failure.message, "cancelled by the master: enough");
    assert_eq!(failure.partial.unwrap().to_string(), r#""half""#);
    cluster.stop().await;
}

#[tokio::test]
async fn a_function_that_does_not_listen_is_dropped_after_the_grace() {
    let cluster = cluster(&Gate::closed()).await;
    let running =
        cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start().await.unwrap();
    expect::running(&running).await;
    running.cancel("");
    let failure = expect::failure(&running, TaskStatus::Aborted).await;
    assert_eq!(failure.kind, FailureKind::Killed);
    assert_eq!(cluster.slave(0).running(), 0);
    cluster.stop().await;
}

#[tokio::test]
async fn a_stuck_function_keeps_its_slot_and_stays_started_until_it_returns() {
    let gate = Gate::closed();
    let cluster = cluster(&gate).await;
    let running =
        cluster.connection(0).new_task(json!(1)).unwrap().function("block").start().await.unwrap();
    expect::running(&running).await;
    running.cancel("enough");
    running.join_timeout(GRACE * 8).await.unwrap_err();
    assert_eq!((running.status(), cluster.slave(0).running()), (TaskStatus::Started, 1));
    gate.open();
    expect::ended_as(&running, TaskStatus::Aborted).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_stuck_function_is_lost_when_its_connection_is_closed_and_says_that_it_runs_on() {
    let gate = Gate::closed();
    let cluster = cluster(&gate).await;
    let running =
        cluster.connection(0).new_task(json!(1)).unwrap().function("block").start().await.unwrap();
    expect::running(&running).await;
    expect::soon("the goodbye", cluster.connection(0).disconnect()).await.unwrap();
    let failure = expect::failure(&running, TaskStatus::Lost).await;
    assert!(failure.still_running);
    assert_eq!(failure.ran, Ran::Yes);
    gate.open();
    expect::eventually("the slot to be free", || cluster.slave(0).running() == 0).await;
    cluster.stop().await;
}

#[tokio::test]
async fn cancelling_one_task_leaves_its_neighbour_alone() {
    let gate = Gate::closed();
    let cluster = cluster(&gate).await;
    let start = || cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start();
    let (stopped, neighbour) = (start().await.unwrap(), start().await.unwrap());
    expect::running(&stopped).await;
    stopped.cancel("");
    expect::ended_as(&stopped, TaskStatus::Aborted).await;
    gate.open();
    expect::completed(&neighbour).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_cancel_after_the_end_changes_nothing() {
    let cluster = TestCluster::start(1).await.unwrap();
    let running =
        cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap().start().await.unwrap();
    let outcome = expect::completed(&running).await;
    running.cancel("too late");
    assert_eq!(expect::completed(&running).await, outcome);
    cluster.stop().await;
}

#[tokio::test]
async fn a_function_that_fails_for_a_reason_of_its_own_while_stopping_has_failed() {
    let fails = |execution: FunctionExecution, (): ()| async move {
        execution.cancelled().await;
        Err::<(), _>(Failure::new("the disk is full"))
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("fails", fails))
        .start()
        .await
        .unwrap();
    let running =
        cluster.connection(0).new_task(()).unwrap().function("fails").start().await.unwrap();
    expect::running(&running).await;
    running.cancel("");
    let failure = expect::failure(&running, TaskStatus::Failed).await;
    assert_eq!(failure.message, "the disk is full");
    cluster.stop().await;
}

/// Far more cancels than the connection may carry tasks.
#[tokio::test]
async fn many_cancels_of_one_task_cost_its_neighbour_nothing() {
    let connects = Counter::default();
    let counted = connects.clone();
    let cluster = TestCluster::builder(1)
        .master(move |master| {
            master.max_in_flight(2).after_connect(move |_| {
                counted.count();
            })
        })
        .start()
        .await
        .unwrap();
    let start =
        || cluster.connection(0).new_task(json!(1)).unwrap().function("wait_for_abort").start();
    let (stopped, neighbour) = (start().await.unwrap(), start().await.unwrap());
    expect::running(&neighbour).await;
    expect::running(&stopped).await;
    (0..5_000).for_each(|_| stopped.cancel("enough"));
    expect::ended_as(&stopped, TaskStatus::Aborted).await;
    assert_eq!(neighbour.status(), TaskStatus::Started);
    neighbour.cancel("");
    expect::ended_as(&neighbour, TaskStatus::Aborted).await;
    assert_eq!(connects.runs(), 1, "the session was never cut");
    cluster.stop().await;
}
