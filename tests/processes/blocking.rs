//! A program without a runtime leaves no thread behind, and ends when it returns from main.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use selsyn::blocking::{Connection, Master};
use selsyn::{Slave, TaskStatus};
use selsyn_testing::{expect, functions};
use tokio::process::Command;

/// Set in the processes that a test starts of itself; says what they do.
const ROLE: &str = "SELSYN_TEST_BLOCKING";

/// What the thread that carries the connections is called.
const CARRIER: &str = "selsyn-blocking";

/// A slave on a thread that lasts as long as the process.
fn slave() -> SocketAddr {
    let (told, address) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let slave = Slave::builder()
                .function("echo", functions::echo())
                .function("wait", functions::wait_for_abort());
            let slave = slave.bind("127.0.0.1:0").await.unwrap();
            told.send(slave.addr()).unwrap();
            slave.serve_until(std::future::pending()).await.unwrap();
        });
    });
    address.recv().unwrap()
}

fn connected(slave: SocketAddr) -> (Master, Connection) {
    let master = Master::new().unwrap();
    let connection = master.connect("it", slave).wait().unwrap();
    connection.new_task(1).unwrap().function("echo").start().unwrap().join().unwrap();
    connection.new_task(1).unwrap().function("wait").start().unwrap();
    (master, connection)
}

fn carriers() -> usize {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let names = threads.filter_map(|it| std::fs::read_to_string(it.ok()?.path().join("comm")).ok());
    names.filter(|name| name.trim_end() == CARRIER).count()
}

/// How long it takes until so many are left.
fn until_carriers_are(wanted: usize) -> Duration {
    let begun = Instant::now();
    while carriers() != wanted {
        assert!(begun.elapsed() < expect::LIMIT, "{} are left, not {wanted}", carriers());
        thread::sleep(Duration::from_millis(1));
    }
    begun.elapsed()
}

/// The other process. As a test of its own it does nothing.
#[test]
fn as_a_program_without_a_runtime() {
    match std::env::var(ROLE).as_deref() {
        Ok("threads") => leaves_no_thread(slave()),
        Ok("end") => ends_in_the_middle(slave()),
        _ => {}
    }
}

fn leaves_no_thread(slave: SocketAddr) {
    assert_eq!(carriers(), 0);
    let masters: Vec<_> = (0..3).map(|_| connected(slave)).collect();
    assert_eq!(carriers(), 3);
    // A handle of any kind keeps its thread, and the last one lets it go.
    let mut connections: Vec<_> = masters.into_iter().map(|(_, connection)| connection).collect();
    let last = connections.pop().unwrap();
    let running = last.new_task(1).unwrap().function("wait").start().unwrap();
    drop(last);
    drop(connections);
    let took = until_carriers_are(1);
    assert!(took < Duration::from_secs(5), "an idle thread ended after {took:?}");
    assert_eq!(running.join().unwrap().status, TaskStatus::Lost);
    // Async code may drop it: nothing waits, nothing panics.
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { drop(running) });
    until_carriers_are(0);
    // One that a callback holds up ends all the same.
    let (master, connection) = connected(slave);
    let task = connection.new_task(1).unwrap().function("wait");
    task.on_fail_async(|_, _| std::future::pending()).start().unwrap();
    drop((master, connection));
    until_carriers_are(0);
}

/// Returns from main with a task, a wait and an endless callback under way.
fn ends_in_the_middle(slave: SocketAddr) {
    let (_master, connection) = connected(slave);
    let running = connection.new_task(1).unwrap().function("wait").start().unwrap();
    thread::spawn(move || running.join());
    let (told, heard) = mpsc::channel();
    let task = connection.new_task(1).unwrap().function("echo");
    let endless = task.on_complete(move |_, _| {
        told.send(()).unwrap();
        loop {
            thread::park();
        }
    });
    endless.start().unwrap();
    heard.recv().unwrap();
}

async fn process(role: &str) {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["blocking::as_a_program_without_a_runtime", "--exact", "--test-threads=1"])
        .env(ROLE, role)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let what = format!("the program of role {role} to end");
    let status = expect::soon(&what, process.wait()).await.unwrap();
    assert!(status.success(), "{role}: {status}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_last_handle_that_is_dropped_takes_its_thread_along() {
    process("threads").await;
}

#[tokio::test]
async fn a_program_without_a_runtime_that_returns_from_main_ends() {
    process("end").await;
}
