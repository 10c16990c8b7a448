//! C-02, C-14 to C-18 and C-31: how the slave stands, and whether it is ready to run.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use selsyn::{
    ControlError, ExecuteError, Failure, FunctionCalls, FunctionExecution, Initialization,
    ManagerState, Ran, TaskStatus, initializer,
};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::json;

use super::{completed, environment, functions_of, waiting};

async fn state(calls: &FunctionCalls) -> ManagerState {
    calls.status().await.unwrap().manager_state
}

#[tokio::test]
async fn c_02_the_status_tells_what_runs_in_front_from_what_runs_in_the_background() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let idle = calls.status().await.unwrap();
    assert_eq!((idle.manager_state, idle.worker_background_tasks), (ManagerState::Idle, 0));
    let in_front = waiting(&calls, false).await;
    let status = calls.status().await.unwrap().to_json();
    assert_eq!(status["manager_state"], "executing_task");
    assert_eq!(status["worker_background_tasks"], 0);
    assert_eq!(calls.status().await.unwrap().foreground, in_front.execution());
    gate.open();
    completed(&calls, &in_front).await;
    gate.close();
    let beside = waiting(&calls, true).await;
    let status = calls.status().await.unwrap().to_json();
    assert_eq!(
        (&status["manager_state"], &status["worker_background_tasks"]),
        (&json!("idle"), &json!(1))
    );
    gate.open();
    completed(&calls, &beside).await;
    cluster.stop().await;
}

#[tokio::test]
async fn c_14_without_an_environment_calls_are_refused_as_not_open() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let closed = calls.environment().close().await.unwrap();
    assert_eq!(closed.manager_state, ManagerState::Closed);
    assert_eq!(closed.to_json()["worker_environment_exists"], json!(false));
    for in_background in [false, true] {
        let call = calls.function("first").run_in_background(in_background);
        let error = call.execute().await.unwrap_err();
        assert!(matches!(error, ExecuteError::NotOpen(_)), "{error}");
        assert!(error.to_string().contains("not open"), "{error}");
        assert_eq!((error.code(), error.ran()), ("E0120", Ran::No));
    }
    let task = cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap();
    assert_eq!(expect::error(task.start().await).code(), "E0120");
    assert_eq!(calls.environment().open().await.unwrap().manager_state, ManagerState::Idle);
    let reply = calls.function("first").args([1]).execute().await.unwrap();
    assert!(completed(&calls, &reply.task_uid).await.success);
    cluster.stop().await;
}

#[tokio::test]
async fn c_16_what_runs_in_front_keeps_the_environment_from_closing_but_not_from_being_destroyed() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let in_front = waiting(&calls, false).await;
    let error = calls.environment().close().await.unwrap_err();
    assert!(matches!(&error, ControlError::Rejected(_)), "{error}");
    assert_eq!(error.code(), "E0110");
    assert!(error.to_string().contains("executing_task"), "{error}");
    assert_eq!(state(&calls).await, ManagerState::ExecutingTask);

    let begun = Instant::now();
    let destroyed = calls.environment().destroy().await.unwrap();
    assert!(begun.elapsed().as_secs() < 10, "{:?}", begun.elapsed());
    assert_eq!(destroyed.manager_state, ManagerState::Closed);
    let ended = completed(&calls, &in_front).await;
    assert_eq!(ended.outcome.status, TaskStatus::Aborted);
    assert!(ended.msg.starts_with("the environment was closed"), "{}", ended.msg);
    assert_eq!(calls.environment().open().await.unwrap().manager_state, ManagerState::Idle);
    let reply = calls.function("first").args([1]).execute().await.unwrap();
    assert!(completed(&calls, &reply.task_uid).await.success);
    cluster.stop().await;
}

#[tokio::test]
async fn c_18_closing_ends_what_runs_in_the_background_or_waits_and_lets_those_who_wait_go() {
    let (stubborn, gate) = (Gate::closed(), Gate::closed());
    let (ignored, opened) = (stubborn.clone(), gate.clone());
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let stuck = functions::ignore_abort(ignored.clone());
            let slave = slave.slots(1).function("stuck", stuck);
            functions_of(slave, &opened).abort_grace(std::time::Duration::from_millis(50))
        })
        .start()
        .await
        .unwrap();
    let calls = cluster.connection(0).function_calls();
    let (running, queued) = (waiting(&calls, true).await, waiting(&calls, true).await);
    let stuck = calls.function("stuck").run_in_background(true).execute().await.unwrap().task_uid;
    for task in [&running, &stuck] {
        let id = task.execution().unwrap();
        calls.control().wait_until_running(id, Some(expect::LIMIT)).await.unwrap();
    }
    let waiter = calls.wait_for_completed_task([&running]);
    let waiter = tokio::spawn(async move { waiter.await });
    let closed = calls.environment().close().await.unwrap();
    assert_eq!(closed.manager_state, ManagerState::Closed);
    expect::soon("the wait to end", waiter).await.unwrap().unwrap();
    for (uid, verdict) in
        [(running, TaskStatus::Aborted), (queued, TaskStatus::Aborted), (stuck, TaskStatus::Lost)]
    {
        assert_eq!(completed(&calls, &uid).await.outcome.status, verdict);
    }
    stubborn.open();
    cluster.stop().await;
}

#[tokio::test]
async fn c_31_the_version_of_the_results_changes_at_each_end_and_at_nothing_else() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let version = async || calls.status().await.unwrap().task_results_uid;
    let at_first = version().await;
    let (one, two) = (waiting(&calls, true).await, waiting(&calls, true).await);
    assert_eq!(version().await, at_first);
    let control = calls.control();
    control.stop(one.execution().unwrap(), "").await.unwrap();
    completed(&calls, &one).await;
    let after_one = version().await;
    assert_ne!(after_one, at_first);
    // To read a result changes nothing.
    calls.task_result(&one).await.unwrap();
    assert_eq!(version().await, after_one);
    gate.open();
    completed(&calls, &two).await;
    assert_ne!(version().await, after_one);
    cluster.stop().await;
}

#[tokio::test]
async fn c_18_whoever_closes_an_environment_that_is_being_closed_waits_for_all_of_it() {
    let (farewell, told) = (Gate::closed(), Gate::closed());
    let (leave, telling) = (farewell.clone(), told.clone());
    let load = |_: Initialization| async { Ok::<_, Failure>(()) };
    let slow = initializer(load)
        .pre_stop(move |_: Arc<()>| {
            let (leave, telling) = (leave.clone(), telling.clone());
            async move {
                telling.open();
                leave.opened().await;
            }
        })
        .pre_stop_timeout(expect::LIMIT)
        .function(|_: FunctionExecution, _: Arc<()>, (): ()| async { Ok::<_, Failure>(()) });
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("slow", slow.clone()))
        .start()
        .await
        .unwrap();
    let calls = cluster.connection(0).function_calls();
    let reply = calls.function("slow").execute().await.unwrap();
    completed(&calls, &reply.task_uid).await;

    let heard = Arc::new(Mutex::new(Vec::new()));
    let (first, second) = (calls.environment(), calls.environment());
    let destroying = tokio::spawn(async move { first.destroy().await });
    expect::soon("the farewell to begin", told.opened()).await;
    let answers = Arc::clone(&heard);
    let closing = tokio::spawn(async move {
        let closed = second.close().await;
        answers.lock().unwrap().push("answered");
        closed
    });
    // Calls that come after it are answered: so would it be, if it did not wait.
    for _ in 0..100 {
        assert_eq!(state(&calls).await, ManagerState::ClosingEnvironment);
    }
    heard.lock().unwrap().push("farewell");
    farewell.open();
    for answer in [destroying.await.unwrap(), closing.await.unwrap()] {
        assert_eq!(answer.unwrap().manager_state, ManagerState::Closed);
    }
    assert_eq!(*heard.lock().unwrap(), ["farewell", "answered"]);
    cluster.stop().await;
}
