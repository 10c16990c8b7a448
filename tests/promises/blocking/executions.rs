//! Executions by their ids, and calls in bluesky's words, without a runtime.

use std::time::Duration;

use selsyn::blocking::{Control, Master};
use selsyn::{ControlError, Happened, Phase, QueuePosition, TaskState, TaskStatus, WaitMonitor};
use selsyn_testing::expect;
use serde_json::{Value, json};

use super::own_slave::connected;

const LIMIT: Option<Duration> = Some(expect::LIMIT);

#[test]
fn an_execution_is_started_watched_stopped_and_found_again_without_a_runtime() {
    connected(|_, connection, slave| {
        // Another program's master, which has no connection.
        let master = Master::new().unwrap();
        let control = master.control(slave.address).unwrap();
        assert!(control.functions().unwrap().contains(&"add".to_owned()));
        let sum = control.start("add", json!({"a": 2, "b": 3})).unwrap().label("sums").wait();
        let sum = sum.unwrap();
        assert_eq!(sum.success::<Value>(LIMIT).unwrap(), json!({"sum": 5}));
        let told: Vec<_> = sum.watch().map(|event| event.unwrap().what).collect();
        assert!(matches!(told[..], [Happened::Accepted, Happened::Running, Happened::Ended(_)]));

        let brief = control.logview_for(sum.id(), Duration::from_secs(60)).unwrap();
        assert_eq!(brief.valid_for(), Duration::from_secs(60));
        assert_ne!(sum.logview().unwrap(), control.logview(sum.id()).unwrap());
        assert_eq!(control.revoke_logviews(sum.id()).unwrap(), 3);

        let task = connection.new_task(()).unwrap().function("wait").start().unwrap();
        assert!(task.logview().unwrap().address().contains("/logview/"));
        task.cancel("it was looked at");
        assert_eq!(task.join().unwrap().status, TaskStatus::Aborted);

        let waits = control.start("wait", ()).unwrap().wait().unwrap();
        assert_eq!(waits.wait_until_running(LIMIT).unwrap().phase, Phase::Running);
        let short = waits.wait(Some(Duration::from_millis(1))).unwrap_err();
        assert!(matches!(short, ControlError::Elapsed { .. }), "{short}");
        assert_eq!(control.picture(waits.id()).unwrap().seq(), 0);
        let found: Vec<_> = control.list().status(Phase::Running).mine().pages().collect();
        assert_eq!(found.len(), 1);
        assert_eq!(control.list().label("sums").wait().unwrap()[0].id, sum.id());
        waits.send_input(1).unwrap();
        waits.stop("enough").unwrap();
        let ends = control.wait_for_all([sum.id(), waits.id()], LIMIT).unwrap();
        let ends: Vec<_> = ends.iter().map(|outcome| outcome.status).collect();
        assert_eq!(ends, [TaskStatus::Completed, TaskStatus::Aborted]);
        let (first, _) = control.wait_for_any([waits.id(), sum.id()], LIMIT).unwrap();
        assert!([sum.id(), waits.id()].contains(&first));
        assert_eq!(control.part_names(sum.id()).unwrap(), [""; 0]);
        assert!(control.logview(sum.id()).unwrap().address().contains("/logview/"));
        assert_eq!(control.revoke_logviews(sum.id()).unwrap(), 1);
        assert_eq!(control.drop_queued(sum.id()).unwrap_err().code(), "E0303");
        assert_eq!(control.queue().unwrap(), []);
        assert_eq!(control.queue_length().unwrap(), 0);
        master.close().unwrap();
    });
}

#[test]
fn functions_are_called_in_blueskys_words_without_a_runtime() {
    connected(|_, connection, _| {
        let reply = connection.function("echo").args([7]).execute().unwrap();
        let calls = connection.function_calls();
        let monitor = WaitMonitor::new();
        let ended = calls.wait_for_completed_task([&reply.task_uid]).monitor(&monitor).wait();
        assert_eq!(ended.unwrap()[&reply.task_uid], TaskState::Completed);
        assert!(monitor.time_start().is_some());
        assert!(calls.task_result(&reply.task_uid).unwrap().completed().unwrap().success);
        assert_eq!(calls.task_status("nobody").unwrap(), TaskState::NotFound);
        let unknown = calls.queue().move_to("nobody", QueuePosition::Front).unwrap_err();
        assert_eq!((unknown.code(), calls.queue().list().unwrap().len()), ("E0301", 0));
        let closed = calls.environment().close().unwrap();
        assert_eq!(closed.to_json()["worker_environment_exists"], json!(false));
        assert_eq!(connection.function("echo").execute().unwrap_err().code(), "E0120");
        calls.environment().open().unwrap();
    });
}

/// The codes of what waits, made where the caller is.
pub(super) fn codes_of_every_wait(control: &Control) -> Vec<(&'static str, &'static str)> {
    let id = selsyn::ExecutionId::first(selsyn::TaskId::from_random([9; 16]));
    let calls = control.function_calls();
    let mut events = control.watch(id, 1);
    let event = events.next().expect("the error, once");
    assert!(events.next().is_none(), "an error for ever would hang who skips errors");
    let mut pages = control.list().pages();
    let page = pages.next().expect("the error, once");
    assert!(pages.next().is_none());
    let call = calls.function("echo").execute().unwrap_err();
    vec![
        ("get", control.get(id).unwrap_err().code()),
        ("list", control.list().wait().unwrap_err().code()),
        ("pages", page.unwrap_err().code()),
        ("watch", event.unwrap_err().code()),
        ("start detached", expect::error(control.start("echo", 1).unwrap().wait()).code()),
        ("wait of a handle", control.execution(id).wait(None).unwrap_err().code()),
        ("status", calls.status().unwrap_err().code()),
        ("execute", call.code()),
        ("wait for tasks", calls.wait_for_completed_task(["x"]).wait().unwrap_err().code()),
        ("drop", calls.queue().drop(id.task).unwrap_err().code()),
    ]
}
