//! E-46, E-48 and E-50: a slave that is silent for a while, and a connection that is closed while
//! a task runs.

use std::time::{Duration, Instant};

use selsyn::{ConnectionState, Failure, FailureKind, FunctionExecution, Master, Ran, TaskStatus};
use selsyn_testing::{Gate, SlaveProcess, TestCluster, expect, functions};
use selsyn_tests::States;
use serde_json::json;

use super::{Calls, works};

/// The slave that is paused. As a test of its own it does nothing.
#[test]
fn as_a_slave_that_is_paused() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let open = move |_: FunctionExecution, (): ()| {
        opened.open();
        async { Ok::<_, Failure>(()) }
    };
    SlaveProcess::serve_if_asked(|slave| {
        functions::all(slave)
            .function("wait", functions::wait_for(gate))
            .function("open", open)
            .heartbeat_every(Duration::from_millis(100))
    });
}

async fn a_slave() -> SlaveProcess {
    SlaveProcess::start(as_a_slave_that_is_paused).await.expect("the slave serves")
}

#[tokio::test]
async fn e_46_a_slave_paused_beyond_the_tolerance_loses_the_task_within_the_window() {
    let (slave, window) = (a_slave().await, Duration::from_secs(1));
    let master = Master::builder().heartbeat_tolerance(window).resume_window(Some(window));
    let master = master.build().expect("there are random bytes");
    let connection = master.connect("paused", slave.address()).await.expect("the slave is there");
    let calls = Calls::default();
    let task = connection.new_task(json!(1)).expect("JSON is JSON").function("wait");
    let task = task.on_complete(calls.complete("completed")).on_fail(calls.fail("failed"));
    let running = task.start().await.expect("the slave takes the task");
    expect::running(&running).await;

    slave.freeze().expect("it lives");
    let frozen = Instant::now();
    let failure = expect::failure(&running, TaskStatus::Lost).await;
    // One check more than the window, and what a busy machine needs.
    assert!(frozen.elapsed() < window * 3, "{:?}", frozen.elapsed());
    assert_eq!((failure.kind, failure.ran), (FailureKind::Lost, Ran::Unknown));
    assert!(!connection.is_connected());
    assert_eq!(calls.names(), ["failed"]);
    connection.detach();
    expect::soon("the connection to close", connection.closed()).await;
}

#[tokio::test]
async fn e_48_a_slave_paused_within_the_tolerance_completes_and_the_connection_is_never_dropped() {
    let slave = a_slave().await;
    let master = Master::builder().suspect_after(Duration::from_millis(700));
    let master = master.build().expect("there are random bytes");
    let connection = master.connect("paused", slave.address()).await.expect("the slave is there");
    let states = States::of(&connection);
    let task = connection.new_task(json!(1)).expect("JSON is JSON").function("wait");
    let running = task.start().await.expect("the slave takes the task");
    expect::running(&running).await;

    slave.freeze().expect("it lives");
    expect::state(&connection, ConnectionState::Suspect).await;
    let task = connection.new_task(()).expect("JSON is JSON").function("open");
    let meanwhile = tokio::spawn(task.start());
    slave.thaw().expect("it lives");
    expect::state(&connection, ConnectionState::Connected).await;
    let meanwhile = expect::soon("the start", meanwhile).await.expect("it does not panic");
    expect::completed(&meanwhile.expect("the slave takes the task")).await;
    expect::completed(&running).await;
    works(&connection).await;
    let dropped = |state: &ConnectionState| !state.is_up();
    assert!(!states.seen().iter().any(dropped), "{:?}", states.seen());
    master.close().await;
}

#[tokio::test]
async fn e_50_a_task_of_a_closed_connection_is_aborted_and_after_reconnecting_tasks_run() {
    let grace = Duration::from_secs(20);
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.abort_grace(grace))
        .start()
        .await
        .expect("a cluster starts");
    let (connection, calls) = (cluster.connection(0), Calls::default());
    let task = connection.new_task(json!(1)).expect("JSON is JSON").function("wait_for_abort");
    let task = task.on_complete(calls.complete("completed")).on_fail(calls.fail("failed"));
    let running = task.start().await.expect("the slave takes the task");
    expect::running(&running).await;

    let closed = Instant::now();
    expect::soon("the goodbye", connection.disconnect()).await.expect("the slave agrees");
    let failure = expect::failure(&running, TaskStatus::Aborted).await;
    assert!(closed.elapsed() < grace, "{:?}", closed.elapsed());
    assert_eq!((failure.kind, failure.ran), (FailureKind::Aborted, Ran::Yes));
    assert!(failure.message.contains("disconnected"), "{failure}");
    assert_eq!(calls.names(), ["failed"]);

    let dialer = cluster.dialer(0);
    let again = cluster.master().connect_with("slave-0", move || dialer.clone().dial()).await;
    works(&again.expect("the slave is there")).await;
    cluster.stop().await;
}
