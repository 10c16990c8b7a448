//! E-26, E-27, E-30 to E-34 and E-53: a start that cannot be, and one that does not happen.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use selsyn::{
    ConnectError, ConnectionState, ErrorCode, Master, OnStartError, Payload, Ran, StartError,
    TaskStatus,
};
use selsyn_testing::functions::Counter;
use selsyn_testing::{PipeDialer, expect, pipe};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_stream::StreamExt;

use super::read;

/// An address where nobody listens, for as long as this is held.
struct DeadAddress(TcpSocket);

impl DeadAddress {
    fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("there is IPv4");
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        socket.bind(any).expect("a port is free");
        Self(socket)
    }

    fn addr(&self) -> SocketAddr {
        self.0.local_addr().expect("the socket is bound")
    }
}

/// A pipe to nobody.
fn dead_pipe() -> PipeDialer {
    pipe().0
}

/// What the error hooks were told.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Telling>>>);

/// The data, and what the last dial met.
type Telling = (Value, Option<ErrorKind>);

impl Told {
    fn hook(
        &self,
        verdict: OnStartError,
    ) -> impl Fn(&Payload, &StartError) -> OnStartError + 'static {
        let told = Arc::clone(&self.0);
        move |data, error| {
            let what = (read(Some(data)), transport_error(error));
            told.lock().expect("no hook panics").push(what);
            verdict
        }
    }

    fn all(&self) -> Vec<Telling> {
        self.0.lock().expect("no hook panics").clone()
    }
}

/// What the last dial met.
fn transport_error(error: &StartError) -> Option<ErrorKind> {
    let StartError::NotConnected { source, .. } = error else {
        return None;
    };
    let ConnectError::Unreachable { source, .. } = &**source else {
        return None;
    };
    source.downcast_ref::<io::Error>().map(io::Error::kind)
}

/// `Task` has no `join()`: only what `start()` gave can be joined.
#[test]
fn e_26_a_task_that_was_not_started_cannot_be_joined() {
    trybuild::TestCases::new().compile_fail("conformance/compile_fail/e_26_*.rs");
}

/// `start()` takes the task, and a `RunningTask` has no `start()`, ended or not.
#[test]
fn e_27_a_task_cannot_be_started_twice() {
    trybuild::TestCases::new().compile_fail("conformance/compile_fail/e_27_*.rs");
}

#[tokio::test(start_paused = true)]
async fn e_30_a_start_fails_when_the_attempts_are_spent() {
    let (master, dials, told) = (Master::new().unwrap(), Counter::default(), Told::default());
    let (counter, dialer, begun) = (dials.clone(), dead_pipe(), Instant::now());
    let dial = move || {
        counter.count();
        dialer.clone().dial()
    };
    let pause = Duration::from_millis(300);
    let connection = master.connect_with("dead", dial).lazy().attempts(3);
    let connection = connection.every(pause).await.unwrap();

    let task = connection.new_task(json!({"a": 2})).unwrap();
    let task = task.on_start_error(told.hook(OnStartError::Propagate));
    let error = expect::error(expect::soon("an answer", task.start()).await);
    assert_eq!(begun.elapsed(), pause * 2);
    assert_eq!(dials.runs(), 3);
    assert_eq!((error.status(), error.ran()), (TaskStatus::StartFailed, Ran::No));
    assert_eq!(read(Some(error.data())), json!({"a": 2}));
    let refused = Some(ErrorKind::ConnectionRefused);
    assert_eq!(told.all(), [(json!({"a": 2}), refused)]);
    let StartError::NotConnected { source, .. } = error else {
        panic!("expected the transport error, and got {error}")
    };
    assert!(matches!(*source, ConnectError::Unreachable { attempts: 3, .. }));
}

#[tokio::test]
async fn e_31_a_failed_start_that_is_swallowed_can_be_joined_at_once() {
    let (master, dead, told) = (Master::new().unwrap(), DeadAddress::new(), Told::default());
    let connection = master.connect("dead", dead.addr().to_string());
    let connection = connection.lazy().attempts(2).every(Duration::from_millis(1));
    let connection = connection.await.unwrap();

    let task = connection.new_task(json!({"a": 2})).unwrap();
    let task = task.on_start_error(told.hook(OnStartError::Swallow));
    let running = expect::soon("an answer", task.start()).await.unwrap();
    assert_eq!(running.status(), TaskStatus::StartFailed);
    let outcome = running.join().now_or_never().expect("join returns at once");
    assert_eq!(outcome.status, TaskStatus::StartFailed);
    assert_eq!(outcome.failure().unwrap().ran, Ran::No);
    let refused = Some(ErrorKind::ConnectionRefused);
    assert_eq!(told.all(), [(json!({"a": 2}), refused)]);
}

#[tokio::test]
async fn e_32_one_attempt_is_one_dial() {
    let (master, dead, dials) = (Master::new().unwrap(), DeadAddress::new(), Counter::default());
    let (counter, address) = (dials.clone(), dead.addr());
    let dial = move || {
        counter.count();
        TcpStream::connect(address)
    };
    let connection = master.connect_with("dead", dial).lazy().attempts(1);
    let connection = connection.await.unwrap();

    let start = connection.new_task(()).unwrap().start();
    let error = expect::error(expect::soon("an answer", start).await);
    assert_eq!(transport_error(&error), Some(ErrorKind::ConnectionRefused));
    // Nothing comes after Failed: there will be no second dial.
    expect::soon("the connection to end", connection.closed()).await;
    assert_eq!(connection.state(), ConnectionState::Failed);
    assert_eq!(dials.runs(), 1);
}

#[tokio::test(start_paused = true)]
async fn e_53_a_start_ends_at_its_deadline_when_the_peer_never_greets() {
    let (dialer, mut listener) = pipe();
    let master = Master::new().unwrap();
    let connection = master.connect_with("mute", move || dialer.clone().dial());
    let connection = connection.lazy().await.unwrap();
    let (second, begun) = (Duration::from_secs(1), Instant::now());
    let task = connection.new_task(json!({"a": 2})).unwrap();
    // The peer takes the connection, and says nothing for as long as the start lasts.
    let (started, peer) = tokio::join!(task.start_deadline(second).start(), listener.next());

    assert_eq!(begun.elapsed(), second);
    assert!(matches!(peer, Some(Ok(_))));
    let error = expect::error(started);
    assert!(matches!(error, StartError::Deadline { waited, .. } if waited == second));
    assert_eq!(error.error_code(), ErrorCode::StartDeadline);
    assert_eq!((error.status(), error.ran()), (TaskStatus::StartFailed, Ran::No));
    assert_eq!(read(Some(error.data())), json!({"a": 2}));
    assert_eq!(connection.in_flight(), 0);
}
