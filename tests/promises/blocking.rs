//! A program without a runtime uses the same names, and they do the same.

mod inside_runtime;

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use selsyn::blocking::{Connection, Master, WaitError, ping};
use selsyn::{ConnectError, JoinError, Payload, Ran, Slave, StartError, TaskEvent, TaskStatus};
use selsyn_testing::{expect, functions};
use selsyn_tests::FakeSlave;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

/// A slave on a thread of its own, as another program would have it.
struct OwnSlave {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OwnSlave {
    fn start() -> Self {
        let (stop, stopped) = oneshot::channel();
        let (told, address) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let slave = Slave::builder()
                    // What a test leaves running need not hold it up.
                    .drain_deadline(Duration::ZERO)
                    .function("add", functions::add())
                    .function("echo", functions::echo())
                    .function("fail", functions::fail())
                    .function("flood", functions::flood())
                    .function("wait", functions::wait_for_abort());
                let slave = slave.bind("127.0.0.1:0").await.unwrap();
                told.send(slave.addr()).unwrap();
                let stopped = async {
                    let _ = stopped.await;
                };
                slave.serve_until(stopped).await.unwrap();
            });
        });
        let address = address.recv().unwrap();
        Self { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for OwnSlave {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(thread::panicking() || ended.is_ok(), "the slave's thread panicked");
        }
    }
}

/// Runs a test that waits on a thread, and fails when it does not come to its end.
fn within<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || done.send(catch_unwind(AssertUnwindSafe(test))));
    let ended = ended.recv_timeout(expect::LIMIT).expect("the test comes to its end in time");
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// A test that has a slave, a master and a connection to it.
fn connected<T: Send + 'static>(
    test: impl FnOnce(&Master, &Connection, &OwnSlave) -> T + Send + 'static,
) -> T {
    within(move || {
        let slave = OwnSlave::start();
        let master = Master::new().unwrap();
        let connection = master.connect("it", slave.address).wait().unwrap();
        let value = test(&master, &connection, &slave);
        master.close().unwrap();
        value
    })
}

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
