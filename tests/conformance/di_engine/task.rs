//! E-20 to E-25 and E-45: a task from its making to its result, and who is told.

use futures_util::FutureExt;
use futures_util::future::join_all;
use selsyn::{FailureKind, TaskStatus};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::json;

use super::{Calls, read};

#[tokio::test]
async fn e_20_adds_two_numbers() {
    let cluster = TestCluster::start(1).await.unwrap();
    let task = cluster.connection(0).new_task(json!({"a": 2, "b": 3}));
    let running = task.unwrap().start().await.unwrap();
    let outcome = expect::ended(&running).await;
    assert_eq!(outcome.status, TaskStatus::Completed);
    assert_eq!(read(outcome.value()), json!({"sum": 5}));
    assert_eq!(running.status(), TaskStatus::Completed);
    cluster.stop().await;
}

#[tokio::test]
async fn e_21_join_returns_after_the_complete_callbacks_and_no_fail_callback_runs() {
    let cluster = TestCluster::start(1).await.unwrap();
    let (data, calls) = (json!({"a": 2, "b": 3}), Calls::default());
    let (entered, may_return) = (Gate::closed(), Gate::closed());
    let (enter, open, c1) = (entered.clone(), may_return.clone(), calls.clone());
    let running = cluster
        .connection(0)
        .new_task(&data)
        .unwrap()
        .on_complete_async(move |data, value| async move {
            enter.open();
            open.opened().await;
            c1.add("c1", &data, Some(&value));
        })
        .on_fail(calls.fail("f1"))
        .on_complete(calls.complete("c2"))
        .start()
        .await
        .unwrap();

    // The task is over, and its first callback is not: nobody may have joined yet.
    expect::soon("the first callback", entered.opened()).await;
    assert!(running.join().now_or_never().is_none() && running.outcome().is_none());
    may_return.open();
    expect::completed(&running).await;
    let sum = json!({"sum": 5});
    let expected = [("c1", data.clone(), sum.clone()), ("c2", data, sum)];
    assert_eq!(calls.seen(), expected);
    cluster.stop().await;
}

#[tokio::test]
async fn e_22_a_task_that_fails_runs_its_fail_callbacks_only() {
    let cluster = TestCluster::start(1).await.unwrap();
    let (data, calls) = (json!({"a": 2, "bb": 3}), Calls::default());
    let running = cluster
        .connection(0)
        .new_task(&data)
        .unwrap()
        .on_complete(calls.complete("c1"))
        .on_complete(calls.complete("c2"))
        .on_fail(calls.fail("f1"))
        .start()
        .await
        .unwrap();
    let failure = expect::failure(&running, TaskStatus::Failed).await;

    let result = json!({"message": "ab not found"});
    assert_eq!(failure.kind, FailureKind::Function);
    assert_eq!(failure.message, "ab not found");
    assert_eq!(read(failure.data.as_ref()), result);
    assert_eq!(calls.seen(), [("f1", data, result)]);
    cluster.stop().await;
}

#[tokio::test]
async fn e_23_callbacks_run_in_the_order_they_were_chained() {
    let cluster = TestCluster::start(1).await.unwrap();
    for (data, status, expected) in [
        (json!({"a": 2, "b": 3}), TaskStatus::Completed, &["f1", "f3"][..]),
        (json!({"a": 2}), TaskStatus::Failed, &["f2"]),
    ] {
        let calls = Calls::default();
        let task = cluster.connection(0).new_task(data).unwrap();
        let running = task
            .on_complete(calls.complete("f1"))
            .on_fail(calls.fail("f2"))
            .on_complete(calls.complete("f3"))
            .start()
            .await
            .unwrap();
        expect::ended_as(&running, status).await;
        assert_eq!(calls.names(), expected);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn e_25_a_task_that_was_not_started_is_idle_and_has_no_result() {
    let cluster = TestCluster::start(1).await.unwrap();
    let task = cluster.connection(0).new_task(json!({"a": 2, "b": 3}));
    let task = task.unwrap();
    assert_eq!((task.status(), task.outcome()), (TaskStatus::Idle, None));
    assert_eq!(task.status().number(), 0x00);
    assert_eq!(cluster.connection(0).in_flight(), 0);

    // It keeps its id when it leaves that state.
    let id = task.id();
    let running = task.start().await.unwrap();
    assert_eq!(running.id(), id);
    expect::completed(&running).await;
    cluster.stop().await;
}

#[tokio::test]
async fn e_45_everyone_who_joins_gets_the_same_outcome() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("wait", functions::wait_for(opened.clone())));
    let cluster = cluster.start().await.unwrap();
    let task = cluster.connection(0).new_task(json!({"kept": [0, ""]}));
    let running = task.unwrap().function("wait").start().await.unwrap();

    let watchers: Vec<_> = (0..10).map(|_| running.clone()).collect();
    let mut joins = join_all(watchers.iter().map(|watcher| watcher.join()));
    assert!((&mut joins).now_or_never().is_none());
    gate.open();
    let outcomes = expect::soon("ten outcomes", joins).await;
    assert_eq!(outcomes.len(), 10);
    assert_eq!(read(outcomes[0].value()), json!({"kept": [0, ""]}));
    assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
    // Whoever comes late gets it too.
    assert_eq!(running.join().now_or_never(), Some(outcomes[0].clone()));
    cluster.stop().await;
}
