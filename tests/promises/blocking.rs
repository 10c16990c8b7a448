//! A program without a runtime uses the same names, and they do the same.

mod connections;
mod executions;
mod inside_runtime;
pub(crate) mod own_slave;

use std::sync::mpsc;
use std::time::Duration;

use selsyn::blocking::{Master, WaitError};
use selsyn::{JoinError, Payload, Ran, StartError, TaskEvent, TaskStatus};
use selsyn_testing::expect;
use selsyn_tests::FakeSlave;
use serde_json::json;
use tokio::task::spawn_blocking;

use own_slave::connected;

#[test]
fn a_program_without_a_runtime_has_hooks_callbacks_and_values() {
    connected(|master, connection, _| {
        assert_eq!((connection.name(), connection.is_connected()), ("it", true));
        assert!(connection.functions().contains(&"add".to_owned()));
        assert!(master.contains("it") && master.get("it").is_some());
        let (told, heard) = mpsc::channel();
        let (after, start) = (told.clone(), told.clone());
        let running = connection
            .new_task(json!({"a": 2}))
            .unwrap()
            .function("add")
            .before_start(|_| Ok(Payload::encode(&json!({"a": 2, "b": 3}))?))
            .after_start(move |_| start.send("after_start".to_owned()).unwrap())
            .on_complete(move |data, sum| after.send(format!("{data} -> {sum}")).unwrap())
            .on_fail(|_, failure| panic!("{failure}"))
            .start()
            .unwrap();
        assert_eq!(running.success::<serde_json::Value>().unwrap(), json!({"sum": 5}));
        assert_eq!(running.status(), TaskStatus::Completed);
        drop(told);
        let heard: Vec<_> = heard.try_iter().collect();
        assert_eq!(heard, ["after_start", r#"{"a":2} -> {"sum":5}"#]);
    });
}

#[test]
fn a_failure_a_refusal_and_a_cancel_come_as_they_do_in_async_code() {
    connected(|_, connection, _| {
        let task = |name: &str| connection.new_task(json!("no")).unwrap().function(name);
        let error = expect::error(task("fail").start().unwrap().success::<()>());
        assert!(matches!(error, JoinError::NotCompleted { .. }), "{error}");
        let error = expect::error(task("nobody").start());
        assert_eq!((error.code(), error.ran()), ("E0101", Ran::No));

        let running = task("wait").start().unwrap();
        let error = expect::error(running.join_timeout(Duration::from_millis(1)));
        assert!(matches!(error, WaitError::Elapsed(_)), "{error}");
        assert_eq!(error.code(), "E0506");
        running.cancel("enough");
        assert_eq!(running.join().unwrap().status, TaskStatus::Aborted);
        let late = task("wait").deadline(Duration::from_millis(50)).start().unwrap();
        assert_eq!(late.join().unwrap().status, TaskStatus::TimedOut);
    });
}

#[test]
fn the_events_of_a_task_come_in_order_and_end_with_it() {
    connected(|_, connection, _| {
        let running = connection.new_task(3).unwrap().function("flood").start().unwrap();
        let events: Vec<_> = running.events().map(Result::unwrap).collect();
        let Some((TaskEvent::Ended(outcome), before)) = events.split_last() else {
            panic!("expected the end to come last, and got {events:?}")
        };
        assert_eq!(outcome.status, TaskStatus::Completed);
        assert!(before.iter().all(|event| !matches!(event, TaskEvent::Ended(_))));
        // Asked for after the end, there is the end to tell.
        assert!(matches!(running.events().last(), Some(Ok(TaskEvent::Ended(_)))));
    });
}

#[test]
fn a_sync_callback_may_start_another_task_and_wait_for_it() {
    connected(|_, connection, _| {
        let (same, (told, heard)) = (connection.clone(), mpsc::channel());
        let first = connection.new_task(1).unwrap().function("echo");
        let first = first.on_complete(move |_, value| {
            let second = same.new_task(value).unwrap().function("echo").start().unwrap();
            told.send(second.success::<i32>().unwrap()).unwrap();
        });
        let outcome = first.start().unwrap().join().unwrap();
        assert_eq!(outcome.callback_panics, Vec::<String>::new());
        assert_eq!(heard.try_recv(), Ok(1));
    });
}

#[test]
fn a_hook_that_runs_on_the_callers_thread_may_wait() {
    connected(|_, connection, _| {
        let same = connection.clone();
        let task = connection.new_task(1).unwrap().function("echo").before_start(move |_| {
            let asked = same.new_task(2)?.function("echo").start()?;
            Ok(Payload::encode(&asked.success::<i32>()?)?)
        });
        assert_eq!(task.start().unwrap().success::<i32>().unwrap(), 2);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_nobody_answers_gives_a_task_to_take_up_and_join() {
    let mut slave = FakeSlave::listen();
    let dialer = slave.dialer();
    let starting = spawn_blocking(move || {
        let master = Master::new().unwrap();
        let connection = master.connect_with("it", move || dialer.clone().dial()).wait().unwrap();
        let task = connection.new_task(1).unwrap().start_deadline(Duration::from_millis(100));
        let StartError::Unknown(unknown) = expect::error(task.start()) else {
            panic!("expected an unknown start")
        };
        let running = connection.take_up(unknown);
        assert!(running.join_timeout(Duration::ZERO).is_err());
        connection.detach();
        running.join().unwrap().status
    });
    let mut session = slave.greeted().await;
    session.start().await;
    let status = expect::soon("the task", starting).await.unwrap();
    assert_eq!(status, TaskStatus::Lost);
}
