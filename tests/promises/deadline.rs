//! A deadline ends a run, whatever the run thinks of it.

use std::time::Duration;

use selsyn::{Failure, FailureKind, FunctionExecution, Ran, TaskStatus, function};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::json;

const SHORT: Duration = Duration::from_millis(40);

async fn cluster(gate: &Gate) -> TestCluster {
    let gate = gate.clone();
    TestCluster::builder(1)
        .slaves(move |_, slave| {
            slave
                .abort_grace(SHORT)
                .slots(1)
                .function("wait", functions::wait_for(gate.clone()))
                .function("limited", functions::wait_for(gate.clone()).timeout(SHORT))
                .function("block", functions::ignore_abort(gate.clone()))
                .function(
                    "left",
                    function(|execution: FunctionExecution, (): ()| async move {
                        Ok::<_, Failure>(execution.remaining().map(|left| left.as_millis() as u64))
                    }),
                )
        })
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_run_past_the_callers_deadline_is_timed_out() {
    let cluster = cluster(&Gate::closed()).await;
    let task = cluster.connection(0).new_task(json!(1)).unwrap().function("wait").deadline(SHORT);
    let failure = expect::failure(&task.start().await.unwrap(), TaskStatus::TimedOut).await;
    assert_eq!((failure.kind, failure.ran), (FailureKind::TimedOut, Ran::Yes));
    cluster.stop().await;
}

#[tokio::test]
async fn a_function_has_a_time_out_of_its_own() {
    let cluster = cluster(&Gate::closed()).await;
    let task = cluster.connection(0).new_task(json!(1)).unwrap().function("limited");
    expect::ended_as(&task.start().await.unwrap(), TaskStatus::TimedOut).await;
    cluster.stop().await;
}

#[tokio::test]
async fn the_time_in_the_queue_counts_and_what_times_out_there_never_ran() {
    let gate = Gate::closed();
    let cluster = cluster(&gate).await;
    let running =
        cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start().await.unwrap();
    expect::running(&running).await;
    let task = cluster.connection(0).new_task(json!(2)).unwrap().function("wait").deadline(SHORT);
    let failure = expect::failure(&task.start().await.unwrap(), TaskStatus::TimedOut).await;
    assert_eq!(failure.ran, Ran::No);
    gate.open();
    expect::completed(&running).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_stuck_run_past_its_deadline_is_told_at_once_and_keeps_its_slot() {
    let gate = Gate::closed();
    let cluster = cluster(&gate).await;
    let task = cluster.connection(0).new_task(json!(1)).unwrap().function("block").deadline(SHORT);
    let failure = expect::failure(&task.start().await.unwrap(), TaskStatus::TimedOut).await;
    assert!(failure.still_running);
    assert_eq!(cluster.slave(0).running(), 1);
    gate.open();
    expect::eventually("the slot to be free", || cluster.slave(0).running() == 0).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_function_sees_how_much_time_it_has_left() {
    let cluster = cluster(&Gate::closed()).await;
    let task = || cluster.connection(0).new_task(()).unwrap().function("left");
    let left: Option<u64> =
        task().deadline(Duration::from_secs(60)).start().await.unwrap().success().await.unwrap();
    assert!((1..=60_000).contains(&left.unwrap()));
    let none: Option<u64> = task().start().await.unwrap().success().await.unwrap();
    assert_eq!(none, None);
    cluster.stop().await;
}

#[tokio::test]
async fn the_longest_deadlines_are_no_panic() {
    let cluster = cluster(&Gate::closed()).await;
    let task = cluster.connection(0).new_task(()).unwrap().function("left");
    let running = task.deadline(Duration::MAX).start_deadline(Duration::MAX).start().await.unwrap();
    expect::completed(&running).await;
    cluster.stop().await;
}
