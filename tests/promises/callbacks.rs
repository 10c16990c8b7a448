//! Callbacks run once, in order, away from the network; one that misbehaves harms only its task.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use selsyn::{Failure, FunctionExecution, LogLine, Payload, RunningTask, TaskStatus};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::json;

fn sum() -> serde_json::Value {
    json!({"a": 2, "b": 3})
}

#[tokio::test]
async fn sync_and_async_callbacks_run_in_the_order_they_were_chained() {
    let cluster = TestCluster::start(1).await.unwrap();
    let order = Arc::new(Mutex::new(Vec::new()));
    let note = |n| {
        let order = Arc::clone(&order);
        move || order.lock().unwrap().push(n)
    };
    let (first, second, third) = (note(1), note(2), note(3));
    let running = cluster
        .connection(0)
        .new_task(sum())
        .unwrap()
        .on_complete(move |_, _| first())
        .on_complete_async(|_, _| async move {
            tokio::task::yield_now().await;
            second();
        })
        .on_complete(move |_, _| third())
        .start()
        .await
        .unwrap();
    expect::completed(&running).await;
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_callback_that_comes_late_runs_once_and_at_once() {
    let cluster = TestCluster::start(1).await.unwrap();
    let running = cluster.connection(0).new_task(sum()).unwrap().start().await.unwrap();
    expect::completed(&running).await;
    let (told, hears) = mpsc::channel();
    let _running = running.on_complete(move |data, value| {
        told.send((data.to_string(), value.to_string())).unwrap();
    });
    let heard = tokio::task::spawn_blocking(move || {
        (hears.recv_timeout(expect::LIMIT).unwrap(), hears.recv_timeout(expect::LIMIT).is_err())
    });
    let ((data, value), nothing_more) = heard.await.unwrap();
    assert_eq!((data.as_str(), value.as_str()), (r#"{"a":2,"b":3}"#, r#"{"sum":5}"#));
    assert!(nothing_more);
    cluster.stop().await;
}

#[tokio::test]
async fn an_async_callback_may_start_a_task_on_its_own_connection_and_wait_for_it() {
    let cluster = TestCluster::start(1).await.unwrap();
    let connection = cluster.connection(0).clone();
    let (told, heard) = tokio::sync::oneshot::channel();
    let running = cluster
        .connection(0)
        .new_task(sum())
        .unwrap()
        .on_complete_async(|_, value| async move {
            let inner = connection.new_task(value).unwrap().function("echo").start().await.unwrap();
            told.send(inner.join().await).unwrap();
        })
        .start()
        .await
        .unwrap();
    expect::completed(&running).await;
    let inner = expect::soon("the inner task's outcome", heard).await.unwrap();
    assert_eq!(inner.value().unwrap().to_string(), r#"{"sum":5}"#);
    cluster.stop().await;
}

/// On one thread: if the callback ran on it, nothing else could.
#[tokio::test(flavor = "current_thread")]
async fn a_callback_that_blocks_holds_back_its_own_task_and_nothing_else() {
    let cluster = TestCluster::start(2).await.unwrap();
    let (release, blocked) = mpsc::channel::<()>();
    let slow = cluster
        .connection(0)
        .new_task(sum())
        .unwrap()
        .on_complete(move |_, _| blocked.recv().unwrap())
        .start()
        .await
        .unwrap();
    let ended = slow.clone();
    let mut events = ended.events();
    expect::soon("the slow task's verdict", async {
        while !matches!(events.next().await, Some(selsyn::TaskEvent::Ended(_)) | None) {}
    })
    .await;
    for connection in cluster.connections() {
        let other = connection.new_task(sum()).unwrap().start().await.unwrap();
        expect::completed(&other).await;
    }
    assert!(slow.outcome().is_none(), "its callback has not returned");
    release.send(()).unwrap();
    expect::completed(&slow).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_hundred_tasks_have_each_callback_exactly_once() {
    let cluster = TestCluster::start(1).await.unwrap();
    let (completed, failed, total) = (Counter::default(), Counter::default(), 100);
    let mut running: Vec<RunningTask> = Vec::new();
    for n in 0..total {
        let (complete, fail) = (completed.clone(), failed.clone());
        let data = if n % 2 == 0 { sum() } else { json!({"a": 1}) };
        let task = cluster.connection(0).new_task(data).unwrap();
        let task = task
            .on_complete(move |_, _| {
                complete.count();
            })
            .on_fail(move |_, _| {
                fail.count();
            });
        running.push(task.start().await.unwrap());
    }
    for task in &running {
        expect::ended(task).await;
    }
    assert_eq!((completed.runs(), failed.runs()), (total / 2, total / 2));
    cluster.stop().await;
}

#[tokio::test]
async fn dropping_every_handle_leaves_the_callbacks_in_force() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("wait", functions::wait_for(opened.clone())))
        .start()
        .await
        .unwrap();
    let (told, heard) = tokio::sync::oneshot::channel();
    let task = cluster.connection(0).new_task(json!(7)).unwrap().function("wait");
    drop(
        task.on_complete(move |_, value| told.send(value.to_string()).unwrap())
            .start()
            .await
            .unwrap(),
    );
    gate.open();
    let value = expect::soon("the callback", heard).await.unwrap();
    assert_eq!(value, "7");
    cluster.stop().await;
}

#[tokio::test]
async fn a_panicking_on_log_is_recorded_and_the_task_completes() {
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.function("flood", functions::flood()))
        .start()
        .await
        .unwrap();
    let task = cluster.connection(0).new_task(json!(1)).unwrap().function("flood");
    let running = task.on_log(|_| panic!("cannot read")).start().await.unwrap();
    let outcome = expect::ended_as(&running, TaskStatus::Completed).await;
    assert_eq!(outcome.callback_panics, ["cannot read"]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_callback_that_panics_long_before_the_end_is_recorded_in_the_outcome() {
    let (more, end) = (Gate::closed(), Gate::closed());
    let gates = (more.clone(), end.clone());
    let shows = move |execution: FunctionExecution, _: Payload| {
        let (more, end) = gates.clone();
        async move {
            execution.info("one");
            more.opened().await;
            execution.info("two");
            end.opened().await;
            Ok::<_, Failure>(())
        }
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("shows", shows.clone()))
        .start()
        .await
        .unwrap();
    let task = cluster.connection(0).new_task(json!(1)).unwrap().function("shows");
    // The second line is told when the panic of the first has been dealt with.
    let on_log = move |line: &LogLine| match line.content.as_str() {
        "one" => {
            more.open();
            panic!("cannot read");
        }
        _ => end.open(),
    };
    let running = task.on_log(on_log).start().await.unwrap();
    let outcome = expect::ended_as(&running, TaskStatus::Completed).await;
    assert_eq!(outcome.callback_panics, ["cannot read"]);
    cluster.stop().await;
}
