//! Where a wait would hold up a runtime, every call that waits says so and does nothing; beside
//! one it waits.

use std::sync::mpsc;
use std::thread;

use selsyn::blocking::{Connection, InsideRuntime, Master, MasterError, RunningTask, ping};
use selsyn::{DisconnectError, Ran, StartError, TaskStatus};
use selsyn_testing::expect;
use serde_json::json;
use tokio::task::{block_in_place, spawn_blocking};

use super::executions;
use super::own_slave::{OwnSlave, connected, within};

/// A slave, a master, a connection and a running task, made where that may wait.
async fn made_outside() -> (OwnSlave, Master, Connection, RunningTask) {
    let made = spawn_blocking(|| {
        let slave = OwnSlave::start();
        let master = Master::new().unwrap();
        let connection = master.connect("it", slave.address).wait().unwrap();
        let running = connection.new_task(1).unwrap().function("wait").start().unwrap();
        (slave, master, connection, running)
    });
    expect::soon("the master on its thread", made).await.unwrap()
}

/// There a wait would wait for itself.
#[test]
fn a_wait_on_the_thread_that_carries_the_connections_is_refused() {
    connected(|master, connection, slave| {
        let (running, same) = (
            connection.new_task(1).unwrap().function("wait").start().unwrap(),
            connection.new_task(1).unwrap().function("echo"),
        );
        let (told, heard) = mpsc::channel::<Result<selsyn::Outcome, InsideRuntime>>();
        let (in_hook, in_callback) = (running.clone(), running.clone());
        let in_hook_told = told.clone();
        let second = master.connect("second", slave.address).before_connect(move |data| {
            in_hook_told.send(in_hook.join())?;
            Ok(data)
        });
        second.wait().unwrap();
        let same = same.on_complete_async(move |_, _| async move {
            told.send(in_callback.join()).unwrap();
        });
        same.start().unwrap().join().unwrap();
        let heard: Vec<_> = heard.try_iter().map(|joined| joined.unwrap_err().code()).collect();
        assert_eq!(heard, ["E0601", "E0601"]);
        assert_eq!(running.status(), TaskStatus::Started);
    });
}

/// The codes of every call that waits, made where the caller is.
fn codes_of_every_wait(
    master: &Master,
    connection: &Connection,
    running: &RunningTask,
) -> Vec<(&'static str, &'static str)> {
    let task = connection.new_task(json!("kept")).unwrap();
    let start = expect::error(task.start());
    assert!(matches!(start, StartError::InsideRuntime { .. }), "{start}");
    assert_eq!((start.ran(), start.status()), (Ran::No, TaskStatus::StartFailed));
    assert_eq!(start.data().to_string(), r#""kept""#);
    let connect = master.connect("other", "127.0.0.1:1").wait();
    let mut events = running.events();
    let next = events.next().expect("the error, once");
    assert_eq!(events.next(), None, "an error for ever would hang who skips errors");
    let mut states = connection.events();
    let state = states.next().expect("the error, once");
    assert_eq!(states.next(), None);
    let ran = |_: Connection| panic!("the connection is lent to nobody");
    let mut codes = executions::codes_of_every_wait(&connection.executions());
    codes.extend([
        ("new", Master::new().unwrap_err().code()),
        ("build", Master::builder().build().unwrap_err().code()),
        ("ping", expect::error(ping("127.0.0.1:1", None)).code()),
        ("start", start.code()),
        ("wait", expect::error(connect).code()),
        ("scoped", expect::error(master.scoped("other", "127.0.0.1:1", ran)).code()),
        ("wait_until", connection.wait_until(|_| true).unwrap_err().code()),
        ("connected", connection.connected().unwrap_err().code()),
        ("closed", connection.closed().unwrap_err().code()),
        ("disconnect", connection.disconnect().unwrap_err().code()),
        ("disconnect by name", master.disconnect("it").unwrap_err().code()),
        ("close", master.close().unwrap_err().code()),
        ("join", running.join().unwrap_err().code()),
        ("join_timeout", running.join_timeout(expect::LIMIT).unwrap_err().code()),
        ("success", running.success::<i32>().unwrap_err().code()),
        ("events", next.unwrap_err().code()),
        ("events of a connection", state.unwrap_err().code()),
    ]);
    codes
}

async fn every_wait_is_refused() {
    let (slave, master, connection, running) = made_outside().await;
    for (call, code) in codes_of_every_wait(&master, &connection, &running) {
        assert_eq!(code, "E0601", "{call}");
    }
    // Nothing was done, and what does not wait works.
    assert!(master.is_running() && connection.is_connected());
    assert_eq!((running.status(), master.connections().len()), (TaskStatus::Started, 1));
    running.cancel("enough");
    let joined = expect::soon("the join", spawn_blocking(move || running.join())).await.unwrap();
    assert_eq!(joined.unwrap().status, TaskStatus::Aborted);
    // Dropping handles in async code neither waits nor panics.
    drop((connection, master));
    expect::soon("the slave's end", spawn_blocking(move || drop(slave))).await.unwrap();
}

#[tokio::test]
async fn every_call_that_waits_is_refused_inside_a_runtime_of_one_thread() {
    every_wait_is_refused().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_that_waits_is_refused_inside_a_runtime_of_many_threads() {
    every_wait_is_refused().await;
    tokio::spawn(every_wait_is_refused()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_may_block_may_wait_beside_a_runtime() {
    let (slave, master, connection, running) = made_outside().await;
    running.cancel("enough");
    assert_eq!(block_in_place(|| running.join()).unwrap().status, TaskStatus::Aborted);
    let handle = tokio::runtime::Handle::current();
    let entered = spawn_blocking(move || {
        let thread = thread::spawn(move || {
            let _entered = handle.enter();
            connection.new_task(1).unwrap().function("echo").start().unwrap().success::<i32>()
        });
        thread.join().unwrap()
    });
    assert_eq!(expect::soon("the value", entered).await.unwrap().unwrap(), 1);
    block_in_place(|| master.close()).unwrap();
    spawn_blocking(move || drop(slave)).await.unwrap();
}

#[test]
fn the_error_says_what_to_do() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(async { Master::new().unwrap_err() });
    assert!(matches!(error, MasterError::InsideRuntime(InsideRuntime { .. })));
    assert_eq!(
        error.to_string(),
        "Master::new() waits, and was called inside an async runtime, whose thread it would hold \
         up: await the async name, or call it in spawn_blocking"
    );
}

#[test]
fn a_refused_goodbye_of_async_code_leaves_the_connection() {
    let (slave, master, connection) = within(|| {
        let slave = OwnSlave::start();
        let master = Master::new().unwrap();
        let connection = master.connect("it", slave.address).wait().unwrap();
        (slave, master, connection)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let error = runtime.block_on(async { connection.disconnect().unwrap_err() });
    assert!(matches!(error, DisconnectError::InsideRuntime(_)), "{error}");
    within(move || {
        connection.disconnect().unwrap();
        master.close().unwrap();
        drop(slave);
    });
}
