//! What fits runs, what can wait waits, and the rest is told why not.

use std::time::Duration;

use selsyn::{Ran, StartError, TaskStatus};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::json;

async fn gated(gate: &Gate, slots: usize, queue: usize) -> TestCluster {
    let gate = gate.clone();
    TestCluster::builder(1)
        .slaves(move |_, slave| {
            let wait = functions::wait_for(gate.clone());
            slave.slots(slots).queue(queue, 1_000).function("wait", wait)
        })
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_full_slave_queues_and_a_full_queue_refuses_with_a_pause() {
    let gate = Gate::closed();
    let cluster = gated(&gate, 1, 1).await;
    let connection = cluster.connection(0);
    let start = || connection.new_task(json!(1)).unwrap().function("wait").start();
    let (running, queued) = (start().await.unwrap(), start().await.unwrap());
    expect::running(&running).await;

    let error = expect::error(start().await);
    let refusal = error.refusal().unwrap();
    assert_eq!(refusal.message, "queue is full (1 tasks, 1 running)");
    assert_eq!((error.code(), error.ran()), ("E0105", Ran::No));
    assert!(refusal.retry_after.is_some_and(|pause| pause > Duration::ZERO));

    gate.open();
    expect::completed(&running).await;
    expect::completed(&queued).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_slot_is_free_before_its_result_is_told() {
    let cluster =
        TestCluster::builder(1).slaves(|_, slave| slave.exclusive()).start().await.unwrap();
    for round in 0..200 {
        let task = cluster.connection(0).new_task(json!({"a": round, "b": 1})).unwrap();
        let running = task.start().await.expect("the task before has ended");
        expect::completed(&running).await;
    }
    cluster.stop().await;
}

#[tokio::test]
async fn the_foreground_takes_one_and_names_who_has_it() {
    let gate = Gate::closed();
    let cluster = gated(&gate, 1, 1).await;
    let start =
        || cluster.connection(0).new_task(json!(1)).unwrap().function("wait").foreground().start();
    let first = start().await.unwrap();
    let error = expect::error(start().await);
    assert_eq!(error.code(), "E0110");
    assert!(error.to_string().contains(&first.id().to_string()), "{error}");

    // It uses no slot: one in the background runs beside it.
    let beside = cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start().await;
    expect::running(beside.as_ref().unwrap()).await;
    gate.open();
    expect::completed(&first).await;
    cluster.stop().await;
}

#[tokio::test]
async fn blocking_functions_have_slots_of_their_own() {
    let gate = Gate::closed();
    let stubborn = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let block = functions::ignore_abort(stubborn.clone());
            slave.blocking_slots(1).function("block", block)
        })
        .start()
        .await
        .unwrap();
    let start = |name: &str| {
        cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap().function(name).start()
    };
    let first = start("block").await.unwrap();
    let second = start("block").await.unwrap();
    expect::running(&first).await;
    expect::completed(&start("add").await.unwrap()).await;
    assert_eq!(second.status(), TaskStatus::Started);
    gate.open();
    expect::completed(&second).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_task_cancelled_in_the_queue_never_runs_and_gives_its_place_to_the_next() {
    let gate = Gate::closed();
    let cluster = gated(&gate, 1, 1).await;
    let start = || cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start();
    let (running, queued) = (start().await.unwrap(), start().await.unwrap());
    expect::running(&running).await;
    queued.cancel("changed my mind");
    let failure = expect::failure(&queued, TaskStatus::Aborted).await;
    assert_eq!(failure.ran, Ran::No);
    assert!(failure.message.contains("changed my mind"));

    let next = start().await.unwrap();
    gate.open();
    expect::completed(&running).await;
    expect::completed(&next).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_connection_carries_no_more_tasks_than_it_may() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("wait", functions::wait_for(opened.clone())))
        .master(|master| master.max_in_flight(1))
        .start()
        .await
        .unwrap();
    let start = || cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start();
    let first = start().await.unwrap();
    let error = expect::error(start().await);
    assert!(matches!(error, StartError::TooManyInFlight { limit: 1, .. }), "{error}");
    gate.open();
    expect::completed(&first).await;
    cluster.stop().await;
}

/// A slot may be passed on to a task the moment it is queued.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_task_in_the_queue_is_forgotten_when_a_slot_is_freed() {
    let cluster = TestCluster::builder(1).slaves(|_, slave| slave.slots(1)).start().await.unwrap();
    let connection = cluster.connection(0);
    for _ in 0..30 {
        let starts = (0..64).map(|n| connection.new_task(n).unwrap().function("echo").start());
        for started in futures_util::future::join_all(starts).await {
            expect::completed(&started.unwrap()).await;
        }
    }
    assert_eq!(cluster.slave(0).running(), 0);
    cluster.stop().await;
}
