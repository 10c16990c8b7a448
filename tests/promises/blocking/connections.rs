//! Connections of a program without a runtime: made, watched, lost and given up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use selsyn::blocking::{Master, ping};
use selsyn::{ConnectError, ConnectionState, Outcome, Payload, Ran, TaskStatus};
use selsyn_common::proto::{self, from_slave::Frame};
use selsyn_testing::expect;
use selsyn_tests::FakeSlave;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::own_slave::{OwnSlave, connected, within};

#[test]
fn a_slave_that_is_not_there_and_a_setting_that_cannot_work_are_errors() {
    within(|| {
        let master = Master::builder().channel("x").build().unwrap();
        // A port that was free a moment ago and that nobody listens on.
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let dialled = master.connect("it", free).attempts(2).every(Duration::from_millis(1));
        let error = expect::error(dialled.wait());
        assert!(matches!(error, ConnectError::Unreachable { attempts: 2, .. }), "{error}");
        let error = expect::error(master.connect("it", free).max_in_flight(0).wait());
        assert_eq!(error.code(), "E0403");
        assert_eq!(master.disconnect("it").unwrap_err().code(), "E0217");
        let lazy = master.connect("it", free).lazy().wait().unwrap();
        assert!(!lazy.is_connected());
        lazy.closed().unwrap();
        assert!(lazy.connected().is_err());
    });
}

#[test]
fn a_scoped_connection_is_gone_afterwards_also_by_a_panic() {
    connected(|master, _, slave| {
        let length = master.scoped("scoped", slave.address, |connection| {
            let running = connection.new_task("four").unwrap().function("echo").start();
            running.unwrap().success::<String>().unwrap().len()
        });
        assert_eq!(length.unwrap(), 4);
        assert!(!master.contains("scoped"));
        let scoped = || master.scoped("scoped", slave.address, |_| -> () { panic!("on purpose") });
        let panicked = catch_unwind(AssertUnwindSafe(scoped));
        assert!(panicked.is_err());
        if let Some(connection) = master.get("scoped") {
            connection.closed().unwrap();
        }
        assert!(!master.contains("scoped"));
    });
}

#[test]
fn the_states_of_a_connection_come_in_order_and_end_with_it() {
    connected(|_, connection, _| {
        let states = connection.events();
        connection.disconnect().unwrap();
        let states: Vec<_> = states.map(Result::unwrap).collect();
        assert_eq!(states, [ConnectionState::Connected, ConnectionState::Closed]);
        // Asked for after the end, there is the end to tell.
        let states: Vec<_> = connection.events().map(Result::unwrap).collect();
        assert_eq!(states, [ConnectionState::Closed]);
    });
}

#[test]
fn a_task_takes_one_of_the_free_slots_until_it_ends() {
    connected(|_, connection, _| {
        let all = connection.free_slots();
        assert!(all > 1);
        let running = connection.new_task(1).unwrap().function("wait").start().unwrap();
        assert_eq!((running.function(), connection.free_slots()), ("wait", all - 1));
        running.cancel("enough");
        running.join().unwrap();
        assert_eq!(connection.free_slots(), all);
        connection.disconnect().unwrap();
        assert_eq!(connection.free_slots(), 0);
    });
}

#[test]
fn tasks_of_a_master_that_is_dropped_end_and_its_slave_hears_it() {
    within(|| {
        let slave = OwnSlave::start();
        let address = slave.address.to_string();
        let (told, heard) = mpsc::channel();
        {
            let master = Master::new().unwrap();
            let connection = master.connect("it", slave.address).wait().unwrap();
            let task = connection.new_task(1).unwrap().function("wait");
            let task = task.on_fail(move |_, failure| told.send(failure.ran).unwrap());
            task.start().unwrap();
        }
        assert_eq!(heard.recv_timeout(expect::LIMIT), Ok(Ran::Unknown));
        while ping(&address, None).unwrap().sessions > 0 {
            thread::yield_now();
        }
    });
}

/// Silence for longer ends a task LOST.
const WINDOW: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verdict_that_comes_after_all_is_told_to_its_hook() {
    let mut slave = FakeSlave::listen();
    let dialer = slave.dialer();
    let (is_lost, lost) = oneshot::channel();
    let asking = spawn_blocking(move || {
        let (told, heard) = mpsc::channel();
        let master = Master::builder()
            .suspect_after(WINDOW / 2)
            .heartbeat_tolerance(WINDOW)
            .resume_window(Some(WINDOW))
            .on_late_result(move |late| told.send((late.task, late.outcome.status)).unwrap());
        let master = master.build().unwrap();
        let connection = master.connect_with("it", move || dialer.clone().dial()).wait().unwrap();
        let running = connection.new_task(1).unwrap().start().unwrap();
        assert_eq!(running.join().unwrap().status, TaskStatus::Lost);
        is_lost.send(()).unwrap();
        let heard = heard.recv_timeout(expect::LIMIT);
        assert_eq!(heard, Ok((running.id(), TaskStatus::Completed)));
        assert_eq!(running.status(), TaskStatus::Lost, "a verdict stands");
    });
    let mut session = slave.greeted().await;
    let execution = session.start().await.execution;
    session.send(Frame::Accepted(proto::Accepted { execution, reply: None }));
    expect::soon("the task to be lost", lost).await.unwrap();
    let mut session = slave.greeted().await;
    let outcome = Some(Outcome::completed(Payload::null()).into());
    session.send(Frame::Finished(proto::Finished { execution, outcome }));
    expect::soon("the hook to be told", asking).await.unwrap();
}
