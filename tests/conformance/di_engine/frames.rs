//! E-34 and E-51: what a master does not send, and what it does not take.

use selsyn::{Connection, ErrorCode, ExecutionId, Master, Outcome, Payload, RunningTask, TaskId};
use selsyn::{Ran, TaskStatus};
use selsyn_common::proto::{self, from_master, from_slave::Frame};
use selsyn_testing::expect;
use selsyn_tests::{FakeSession, FakeSlave, LogLines};
use serde_json::json;

use super::read;

/// Starts a task with the data on a fake slave, which accepts it.
async fn start(
    connection: &Connection,
    session: &mut FakeSession,
    data: i64,
) -> (RunningTask, proto::Start) {
    let task = connection.new_task(data).expect("JSON is JSON");
    let accept = async {
        let start = session.start().await;
        let execution = start.execution;
        let reply = None;
        session.send(Frame::Accepted(proto::Accepted { execution, reply }));
        start
    };
    let (running, start) = tokio::join!(task.start(), accept);
    (running.expect("the fake slave accepts it"), start)
}

fn finished(execution: Option<proto::ExecutionId>, value: i64) -> Frame {
    let value = Payload::encode(&value).expect("JSON is JSON");
    let outcome = Some(Outcome::completed(value).into());
    Frame::Finished(proto::Finished { execution, outcome })
}

#[tokio::test]
async fn e_34_a_before_start_hook_that_fails_sends_nothing() {
    let (mut slave, master) = (FakeSlave::listen(), Master::new().unwrap());
    let (connection, mut session) = slave.connect(&master, "by-hand").await;
    let vetoed = connection.new_task(1).unwrap();
    let vetoed = vetoed.before_start(|_| Err("the disk is full".into()));
    let error = expect::error(expect::soon("an answer", vetoed.start()).await);
    assert_eq!(error.error_code(), ErrorCode::StartHookFailed);
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert_eq!((error.status(), error.ran()), (TaskStatus::StartFailed, Ran::No));
    assert_eq!(read(Some(error.data())), json!(1));

    // The first thing that the slave hears of is the next task.
    let (running, start) = start(&connection, &mut session, 2).await;
    assert_eq!(start.data.unwrap().data, "2");
    assert_eq!(start.execution, Some(running.execution_id().into()));
    connection.detach();
}

/// Everything of this test runs on its own thread, and so does what is logged.
#[tokio::test]
async fn e_51_a_result_that_nobody_waits_for_is_ignored_with_a_log_line() {
    let log = LogLines::listen();
    let (mut slave, master) = (FakeSlave::listen(), Master::new().unwrap());
    let (connection, mut session) = slave.connect(&master, "by-hand").await;
    let (running, start) = start(&connection, &mut session, 1).await;
    let stranger = ExecutionId::first(TaskId::from_random([9; 16]));

    session.send(finished(Some(stranger.into()), 13));
    session.send(finished(start.execution, 7));
    let outcome = expect::completed(&running).await;
    assert_eq!(read(outcome.value()), json!(7));
    assert!(connection.is_connected());

    let lines = log.heard();
    assert!(lines.len() == 1, "{lines:?}");
    assert!(lines[0].contains("WARN") && lines[0].contains(&stranger.to_string()));
    assert!(lines[0].contains("ignored"), "{lines:?}");
    // The master has not taken it for a broken rule: it goes on to take the other result, and says
    // so when the slave is next heard to live.
    session.send(Frame::Heartbeat(proto::Heartbeat {}));
    loop {
        match session.next().await {
            from_master::Frame::ResultsTaken(taken)
                if start.execution.is_some_and(|id| taken.executions.contains(&id)) =>
            {
                break;
            }
            from_master::Frame::ResultsTaken(_) => {}
            other => panic!("expected ResultsTaken, and got {other:?}"),
        }
    }
    connection.detach();
}
