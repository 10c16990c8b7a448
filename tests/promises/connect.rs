//! A connection that cannot be is refused by name, and nothing stays behind.

use std::future::IntoFuture;
use std::io;
use std::time::Duration;

use selsyn::{ConnectError, ConnectionState, Master, Refusal, Slave, Token, generate_token};
use selsyn_common::proto::from_master;
use selsyn_common::proto::{self, from_slave};
use selsyn_testing::{Gate, TestCluster, expect, functions, pipe};
use selsyn_tests::raw_master::{RawMaster, hello};
use tokio::io::DuplexStream;

async fn refusal(master: &Master, slave: &selsyn::SlaveHandle) -> ConnectError {
    let error = expect::error(master.connect("it", slave.addr().to_string()).await);
    assert!(!master.contains("it"), "a refused connection leaves its name free");
    error
}

#[tokio::test]
async fn a_slave_with_a_token_takes_who_has_it_and_nobody_else() {
    let token = generate_token().unwrap();
    let slave = Slave::builder().token(token.clone()).bind("127.0.0.1:0").await.unwrap().spawn();
    let none = refusal(&Master::new().unwrap(), &slave).await;
    assert_eq!((none.code(), none.refusal().unwrap().code), ("E0204", 301));
    let wrong = Master::builder().token(Token::new("wrong").unwrap()).build().unwrap();
    assert_eq!(refusal(&wrong, &slave).await.code(), "E0205");
    assert_eq!(selsyn::ping(&slave.addr().to_string(), None).await.unwrap_err().code(), "E0204");

    let master = Master::builder().token(token).build().unwrap();
    assert!(master.connect("it", slave.addr().to_string()).await.unwrap().is_connected());
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_slave_without_a_token_listens_on_this_machine_only() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let error = Slave::builder().bind(address).await.unwrap_err();
        assert_eq!(error.code(), "E0404");
        assert!(error.to_string().contains(address), "{error}");
    }
    let token = generate_token().unwrap();
    let _ = Slave::builder().token(token).bind("0.0.0.0:0").await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let first = Slave::builder().bind("127.0.0.1:0").await.unwrap();
    let error = Slave::builder().bind(&first.addr().to_string()).await.unwrap_err();
    assert_eq!(error.code(), "E0405");
    assert_eq!(error.to_string(), format!("another program listens on {}", first.addr()));
}

#[tokio::test]
async fn a_version_that_the_slave_does_not_speak_is_rejected_with_both_ranges() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::connect(cluster.dialer(0)).await;
    let newer = proto::Hello { version_min: 7, version_max: 9, ..hello() };
    master.say(0, from_master::Frame::Hello(newer.into()));
    let Some(from_slave::Frame::Rejected(rejected)) = master.hears().await else {
        panic!("it is refused")
    };
    let refusal = rejected.refusal.unwrap();
    assert_eq!(refusal.code, "E0206");
    assert_eq!(refusal.message, "the master speaks protocol versions 7 to 9, the slave 1 to 1");
    assert_eq!(master.hears().await, None);
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn an_address_that_is_none_or_asks_for_tls_is_refused_before_anything_is_dialled() {
    let master = Master::new().unwrap();
    for (address, code) in
        [("", "E0212"), ("ftp://host", "E0212"), ("https://host", "E0212"), ("host:99999", "E0212")]
    {
        assert_eq!(expect::error(master.connect("it", address).await).code(), code, "{address}");
    }
    assert!(!master.contains("it"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_accepts_and_never_answers_costs_the_greeting_timeout() {
    let master = Master::new().unwrap();
    let (held, kept) = tokio::sync::mpsc::unbounded_channel();
    let silent = move || {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        held.send(theirs).unwrap();
        std::future::ready(Ok(ours))
    };
    let begun = tokio::time::Instant::now();
    let error = expect::error(master.connect_with("silent", silent).await);
    assert_eq!(error.code(), "E0211");
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
    drop(kept);
}

#[tokio::test]
async fn a_program_that_is_no_slave_is_said_to_be_none() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(
                &mut stream,
                b"HTTP/1.1 400 Bad Request\r\n\r\n",
            )
            .await;
        }
    });
    let error = expect::error(Master::new().unwrap().connect("it", address).await);
    assert_eq!(error.code(), "E0202");
}

#[tokio::test]
async fn dropping_a_connect_leaves_neither_name_nor_dial_behind() {
    let master = Master::new().unwrap();
    let never = || std::future::pending::<std::io::Result<tokio::io::DuplexStream>>();
    let connecting =
        tokio::spawn(std::future::IntoFuture::into_future(master.connect_with("it", never)));
    expect::eventually("the name to be taken", || master.contains("it")).await;
    connecting.abort();
    expect::eventually("the name to be free", || !master.contains("it")).await;
}

#[tokio::test]
async fn a_closed_master_connects_no_more() {
    let cluster = TestCluster::start(1).await.unwrap();
    let (master, dialer) = (cluster.master().clone(), cluster.dialer(0));
    cluster.stop().await;
    assert!(!master.is_running());
    let error = expect::error(master.connect_with("it", move || dialer.clone().dial()).await);
    assert_eq!(error.code(), "E0214");
}

#[tokio::test]
async fn several_masters_work_on_one_slave_at_once() {
    let cluster = TestCluster::start(1).await.unwrap();
    let dialer = cluster.dialer(0);
    let second = Master::new().unwrap();
    let other = second.connect_with("mine", move || dialer.clone().dial()).await.unwrap();
    for connection in [cluster.connection(0), &other] {
        let running = connection
            .new_task(serde_json::json!({"a": 1, "b": 1}))
            .unwrap()
            .start()
            .await
            .unwrap();
        expect::completed(&running).await;
    }
    second.close().await;
    assert_eq!(other.state(), ConnectionState::Closed);
    assert!(cluster.connection(0).is_connected());
    cluster.stop().await;
}

#[tokio::test]
async fn a_dial_that_panics_is_a_dial_that_failed() {
    async fn late() -> io::Result<DuplexStream> {
        panic!("no route")
    }
    fn early() -> std::future::Ready<io::Result<DuplexStream>> {
        panic!("no route")
    }
    let master = Master::new().unwrap();
    for connecting in [master.connect_with("it", late), master.connect_with("it", early)] {
        let error = expect::error(expect::soon("the connect", connecting.into_future()).await);
        assert_eq!(error.code(), "E0202");
        assert!(error.to_string().contains("the dial panicked: no route"), "{error}");
        assert!(!master.contains("it"));
    }
    let lazy = master.connect_with("it", late).lazy().attempts_without_limit().await.unwrap();
    expect::soon("the close", master.close()).await;
    assert_eq!(lazy.state(), ConnectionState::Closed);
}

#[tokio::test]
async fn what_changes_while_a_master_is_greeted_is_told_after_welcome() {
    let (asked, greets) = (Gate::closed(), Gate::closed());
    let (asks, waits) = (asked.clone(), greets.clone());
    let (dialer, listener) = pipe();
    let slave = Slave::builder()
        .before_connection_async(move |_| {
            let (asked, greets) = (asks.clone(), waits.clone());
            async move {
                asked.open();
                greets.opened().await;
                Ok(())
            }
        })
        .incoming(listener)
        .unwrap()
        .spawn();
    let master = Master::new().unwrap();
    let connecting = master.connect_with("it", move || dialer.clone().dial());
    let connecting = tokio::spawn(connecting.into_future());
    expect::soon("the hook to be asked", asked.opened()).await;
    slave.add_function("early", functions::echo()).unwrap();
    greets.open();
    let connection = expect::soon("the welcome", connecting).await.unwrap().unwrap();
    slave.add_function("late", functions::echo()).unwrap();
    let knows = |name: &str| connection.functions().iter().any(|function| function == name);
    assert!(knows("early"));
    expect::eventually("the master to hear of the other", || knows("late")).await;
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_refusal_with_more_data_than_the_master_reads_is_still_a_refusal() {
    let (dialer, listener) = pipe();
    let refuse =
        |_| Err::<(), _>(Refusal::new("no room").with_code(77).with_data("y".repeat(3_000_000)));
    let slave = Slave::builder().before_connection(refuse).incoming(listener).unwrap().spawn();
    let master = Master::builder().max_payload_bytes(1_000).build().unwrap();
    let error = expect::error(master.connect_with("it", move || dialer.clone().dial()).await);
    let refusal = error.refusal().unwrap_or_else(|| panic!("{error}"));
    assert_eq!((refusal.message.as_str(), refusal.code), ("no room", 77));
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_longest_times_are_no_panic() {
    const EVER: Duration = Duration::MAX;
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| {
            slave
                .exclusive()
                .abort_grace(EVER)
                .drain_deadline(EVER)
                .greeting_timeout(EVER)
                .heartbeat_tolerance(EVER)
                .function("echo_in_time", functions::echo().timeout(EVER))
        })
        .master(|master| {
            master
                .greeting_timeout(EVER)
                .heartbeat_tolerance(EVER)
                .resume_window(Some(EVER))
                .start_deadline(EVER)
                .suspect_after(EVER)
        })
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0);
    cluster.dialer(0).cut();
    expect::state(connection, ConnectionState::Unreachable).await;
    expect::state(connection, ConnectionState::Connected).await;
    let task = connection.new_task(1).unwrap().function("echo_in_time").deadline(EVER);
    expect::completed(&task.start().await.unwrap()).await;
    expect::soon("the goodbye", connection.disconnect()).await.unwrap();
    cluster.stop().await;
}

#[tokio::test]
async fn the_largest_counts_are_no_panic() {
    const ALL: usize = usize::MAX;
    let slave = Slave::builder()
        .function("echo", functions::echo())
        .slots(ALL)
        .blocking_slots(ALL)
        .queue(ALL, ALL)
        .max_sessions(ALL)
        .max_connections(ALL, ALL);
    let slave = slave.bind("127.0.0.1:0").await.unwrap().spawn();
    let master = Master::builder().max_in_flight(ALL).max_payload_bytes(ALL).build().unwrap();
    let connection = master.connect("it", slave.addr()).await.unwrap();
    let task = connection.new_task(1).unwrap().function("echo");
    expect::completed(&task.start().await.unwrap()).await;
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_slave_of_the_smallest_tasks_is_greeted_and_left_as_any_other() {
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.max_payload_bytes(1))
        .master(|master| master.max_payload_bytes(1))
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0);
    let task = connection.new_task(1).unwrap().function("echo");
    expect::completed(&task.start().await.unwrap()).await;
    let error = expect::error(connection.new_task(10).unwrap().function("echo").start().await);
    assert_eq!(error.to_string(), "the data has 2 bytes; slave slave-0 takes 1");
    expect::soon("the goodbye", connection.disconnect()).await.unwrap();
    cluster.stop().await;
}

#[tokio::test]
async fn times_that_cannot_work_are_refused_by_name() {
    let master = Master::builder().heartbeat_tolerance(Duration::from_millis(1)).build().unwrap();
    let error = expect::error(master.connect("it", "127.0.0.1:1").await);
    assert_eq!(error.to_string(), "heartbeat_tolerance must be at least 200 ms");
    assert!(!master.contains("it"));
    let error = Slave::builder().heartbeat_every(Duration::MAX).bind("127.0.0.1:0").await;
    let error = error.unwrap_err();
    let problem = "heartbeat_tolerance must be at least four times heartbeat_every";
    assert_eq!((error.code(), error.to_string().as_str()), ("E0403", problem));
}

#[tokio::test]
async fn a_channel_that_no_hello_has_room_for_is_refused_on_both_sides() {
    let (long, problem) = ("x".repeat(257), "channel must have at most 256 bytes");
    let connecting = Master::new().unwrap().connect("it", "127.0.0.1:1").channel(long.clone());
    assert_eq!(expect::error(connecting.await).to_string(), problem);
    let error = Slave::builder().channel(long).bind("127.0.0.1:0").await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("E0403", problem));
}

#[tokio::test]
async fn a_name_that_cannot_be_seen_and_an_address_with_a_path_are_refused_at_once() {
    let master = Master::new().unwrap();
    for name in ["", "  ", "a\nb", &"x".repeat(257)] {
        let error = expect::error(master.connect(name, "127.0.0.1").await);
        assert!(matches!(error, ConnectError::Name { .. }), "{error}");
    }
    let error = expect::error(master.connect("it", "http://127.0.0.1:1/path").await);
    assert!(matches!(error, ConnectError::Path { .. }), "{error}");
    let error = Slave::builder().bind("http://127.0.0.1:0").await.unwrap_err();
    assert_eq!(error.code(), "E0212");
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let block_on = |future: std::pin::Pin<Box<dyn Future<Output = String>>>| {
        let mut future = future;
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        match future.as_mut().poll(&mut cx) {
            std::task::Poll::Ready(text) => text,
            std::task::Poll::Pending => panic!("it waits for a runtime that is not there"),
        }
    };
    let connect = block_on(Box::pin(async {
        expect::error(Master::new().unwrap().connect("it", "127.0.0.1").await).to_string()
    }));
    assert_eq!(connect, "there is no tokio runtime here to carry the connection");
    let bind = block_on(Box::pin(async {
        Slave::builder().bind("127.0.0.1:0").await.unwrap_err().to_string()
    }));
    assert_eq!(bind, "there is no tokio runtime here to serve the slave");
}
