//! A slave that is killed in the middle of a task costs that task, and says so.

use std::time::Duration;

use selsyn::{Connection, ConnectionState, Failure, FunctionExecution, Master, Ran, TaskStatus};
use selsyn_testing::functions::Counter;
use selsyn_testing::{ProcessError, SlaveProcess, expect, functions};
use serde_json::json;

const WINDOW: Duration = Duration::from_secs(1);

/// The other process. As a test of its own it does nothing.
#[test]
fn as_a_slave() {
    async fn for_ever(execution: FunctionExecution, (): ()) -> Result<(), Failure> {
        execution.info("begun");
        std::future::pending().await
    }
    SlaveProcess::serve_if_asked(|slave| {
        slave
            .function("for_ever", for_ever)
            .function("echo", functions::echo())
            .function("wait_for_abort", functions::wait_for_abort())
    });
}

/// One that fails before it serves.
#[test]
fn as_a_slave_that_cannot_be() {
    SlaveProcess::serve_if_asked(|slave| slave.function("", functions::echo()));
}

#[test]
fn as_no_slave_at_all() {}

pub(super) async fn connect(slave: &SlaveProcess, master: &Master, name: &str) -> Connection {
    master.connect(name, slave.address()).await.unwrap()
}

#[tokio::test]
async fn sigkill_in_the_middle_of_a_task_ends_it_lost_within_the_window() {
    let (mut doomed, other) = (start().await, start().await);
    let master =
        Master::builder().heartbeat_tolerance(WINDOW).resume_window(Some(WINDOW)).build().unwrap();
    let (lost, kept) =
        (connect(&doomed, &master, "doomed").await, connect(&other, &master, "other").await);
    let failed = Counter::default();
    let fails = failed.clone();
    let task = lost.new_task(()).unwrap().function("for_ever").on_fail(move |_, _| {
        fails.count();
    });
    let running = task.start().await.unwrap();
    expect::running(&running).await;

    doomed.kill().await.unwrap();
    let killed = std::time::Instant::now();
    let failure = expect::failure(&running, TaskStatus::Lost).await;
    assert!(killed.elapsed() < WINDOW * 3, "{:?}", killed.elapsed());
    assert_eq!((failure.ran, failed.runs()), (Ran::Unknown, 1));
    assert_eq!(lost.state(), ConnectionState::Unreachable);

    let echo = kept.new_task(json!("undisturbed")).unwrap().function("echo").start().await.unwrap();
    assert_eq!(echo.success::<String>().await.unwrap(), "undisturbed");
    assert!(kept.is_connected());
    master.close().await;
}

pub(super) async fn start() -> SlaveProcess {
    SlaveProcess::start(as_a_slave).await.unwrap()
}

#[tokio::test]
async fn sigterm_drains_a_slave_process_and_a_restart_serves_on_the_same_port() {
    let mut slave = start().await;
    let master = Master::new().unwrap();
    let connection = connect(&slave, &master, "it").await;
    let first = connection.slave_id();
    let task = connection.new_task(json!(1)).unwrap().function("wait_for_abort");
    let running = task.start().await.unwrap();
    slave.terminate().unwrap();
    expect::state(&connection, ConnectionState::Draining).await;
    running.cancel("it is to end");
    expect::ended_as(&running, TaskStatus::Aborted).await;
    assert!(expect::soon("its end", slave.ended()).await.unwrap().success());
    assert!(matches!(slave.terminate(), Err(ProcessError::Ended)));

    let address = slave.address();
    slave.restart().await.unwrap();
    assert_eq!(slave.address(), address);
    let answered = async {
        loop {
            expect::state(&connection, ConnectionState::Connected).await;
            let echo = connection.new_task(json!("again")).unwrap().function("echo").start().await;
            if let Ok(echo) = echo {
                return expect::completed(&echo).await;
            }
        }
    };
    expect::soon("an answer", answered).await;
    assert_ne!(connection.slave_id(), first, "it is another life");
    master.close().await;
}

#[tokio::test]
async fn a_process_that_serves_no_slave_is_told_with_what_it_said() {
    for failed in [
        SlaveProcess::start(as_no_slave_at_all).await,
        SlaveProcess::start_named("no::such::test").await,
    ] {
        let error = expect::error(failed);
        assert!(matches!(error, ProcessError::NotServing { .. }));
        assert!(error.to_string().contains("as the name of a `#[test]` function"), "{error}");
    }
    let error = expect::error(SlaveProcess::start(as_a_slave_that_cannot_be).await);
    assert!(error.to_string().contains("a slave that can be bound"), "{error}");
}
