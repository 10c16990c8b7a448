//! Too many, too silent, too greedy: each is held at the edge, and costs nobody else anything.

use std::time::Duration;

use selsyn::{BoundSlave, Connection, Master, Slave, SlaveBuilder, StartError, TaskStatus, Token};
use selsyn_common::proto::{self, from_master, from_slave};
use selsyn_testing::{Gate, TestCluster, expect, functions, pipe};
use selsyn_tests::States;
use selsyn_tests::raw_master::{self, RawMaster};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tonic::metadata::MetadataMap;

async fn bound(more: impl FnOnce(SlaveBuilder) -> SlaveBuilder) -> BoundSlave {
    let builder = Slave::builder().function("echo", functions::echo());
    more(builder).bind("127.0.0.1:0").await.unwrap()
}

async fn echoes(connection: &Connection) {
    let running = connection.new_task(json!(1)).unwrap().function("echo").start().await.unwrap();
    expect::completed(&running).await;
}

#[tokio::test]
async fn a_connection_beyond_the_cap_waits_until_another_has_gone() {
    let slave = bound(|slave| slave.max_connections(1, 64)).await.spawn();
    let master = Master::builder().greeting_timeout(expect::LIMIT).build().unwrap();
    let first = master.connect("first", slave.addr()).await.unwrap();
    let second = master.connect("second", slave.addr()).lazy().await.unwrap();
    echoes(&first).await;
    assert!(!second.is_connected());
    first.disconnect().await.unwrap();
    expect::soon("the second", second.connected()).await.unwrap();
    echoes(&second).await;
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_address_with_too_many_connections_is_given_no_more() {
    let slave = bound(|slave| slave.max_connections(10, 1)).await.spawn();
    let master = Master::new().unwrap();
    let first = master.connect("first", slave.addr()).await.unwrap();
    let error = expect::error(master.connect("second", slave.addr()).await);
    assert_eq!(error.code(), "E0202", "{error}");
    echoes(&first).await;
    first.disconnect().await.unwrap();
    let again = master.connect("third", slave.addr()).attempts(100);
    let third = again.every(Duration::from_millis(50)).await.unwrap();
    echoes(&third).await;
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_makes_no_call_is_closed_and_one_that_did_may_be_silent() {
    let limit = Duration::from_millis(300);
    let slave = bound(|slave| slave.first_call_timeout(limit)).await.spawn();
    let master = Master::new().unwrap();
    let connection = master.connect("it", slave.addr()).await.unwrap();
    let mut silent = TcpStream::connect(slave.addr()).await.unwrap();
    // What the server says by itself, then the end.
    let mut said = Vec::new();
    let _ = expect::soon("the end", silent.read_to_end(&mut said)).await;
    assert!(connection.is_connected());
    echoes(&connection).await;
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_not_let_in_does_not_count() {
    let (dialer, listener) = pipe();
    let token = Token::new("correct-horse").unwrap();
    let slave = Slave::builder()
        .token(token)
        .first_call_timeout(Duration::from_millis(300))
        .max_connections(1, 64)
        .incoming(listener)
        .unwrap()
        .spawn();
    // The channel holds its connection open, and the only place there is.
    let (_open, status) = raw_master::stranger(dialer.clone()).await;
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
    let master = Master::builder().greeting_timeout(expect::LIMIT).build().unwrap();
    let token = Token::new("correct-horse").unwrap();
    let known = master.connect_with("known", move || dialer.clone().dial()).token(token);
    expect::soon("room for the known one", known.into_future()).await.unwrap();
    master.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn headers_without_measure_are_refused_and_cost_the_connection_nothing() {
    let (dialer, listener) = pipe();
    let slave = Slave::builder().incoming(listener).unwrap().spawn();
    let channel = raw_master::channel(dialer).await;
    let mut metadata = MetadataMap::new();
    metadata.insert("x-too-long", "x".repeat(20_000).parse().unwrap());
    let refused = async { RawMaster::over(&channel, metadata).await?.next().await };
    let status = expect::soon("the refusal", refused).await.unwrap_err();
    assert!(status.message().contains("431"), "{status}");
    let next = expect::soon("a stream", RawMaster::over(&channel, MetadataMap::new())).await;
    drop(next.unwrap());
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_connection_has_no_more_streams_than_it_may() {
    let (dialer, listener) = pipe();
    let patient = Slave::builder().greeting_timeout(expect::LIMIT);
    let slave = patient.incoming(listener).unwrap().spawn();
    let channel = raw_master::channel(dialer).await;
    let open = || RawMaster::over(&channel, MetadataMap::new());
    let mut streams = Vec::new();
    for _ in 0..128 {
        streams.push(expect::soon("a stream", open()).await.unwrap());
    }
    let next = open();
    tokio::pin!(next);
    tokio::select! {
        biased;
        _ = &mut next => panic!("a stream too many"),
        () = tokio::time::sleep(Duration::from_millis(100)) => drop(streams.pop()),
    }
    streams.push(expect::soon("the one that waited", next).await.unwrap());
    drop(streams);
    slave.shutdown().await.unwrap();
}

/// What stops work has room where new work has none.
#[tokio::test]
async fn a_slave_that_is_full_hears_every_cancel_and_beats_on() {
    let tolerance = Duration::from_millis(300);
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.slots(1).queue(20, 1_000_000))
        .master(move |master| master.max_in_flight(22).heartbeat_tolerance(tolerance))
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0);
    let states = States::of(connection);
    let start = || connection.new_task(1).unwrap().function("wait_for_abort").start();
    let mut accepted = Vec::new();
    for _ in 0..21 {
        accepted.push(start().await.unwrap());
    }
    let refused = expect::error(start().await);
    assert!(refused.to_string().contains("queue is full"), "{refused}");
    tokio::time::sleep(tolerance * 3).await;
    for running in &accepted {
        running.cancel("it is too much");
    }
    for running in &accepted {
        expect::ended_as(running, TaskStatus::Aborted).await;
    }
    assert!(states.seen().iter().all(|state| state.is_up()), "{:?}", states.seen());
    cluster.stop().await;
}

#[tokio::test]
async fn a_session_that_waits_for_nothing_makes_room_and_one_with_work_does_not() {
    let (dialer, listener) = pipe();
    let slave = Slave::builder()
        .function("wait", functions::wait_for_abort())
        .max_sessions(1)
        .abort_grace(Duration::ZERO)
        .incoming(listener)
        .unwrap()
        .spawn();
    drop(RawMaster::welcomed(dialer.clone()).await);
    let other = proto::Hello { master_id: vec![9; 16].into(), ..raw_master::hello() };
    let mut busy = loop {
        let mut master = RawMaster::connect(dialer.clone()).await;
        master.say(0, from_master::Frame::Hello(other.clone().into()));
        // The slave may not have noticed yet that the first has gone.
        if let Some(from_slave::Frame::Welcome(_)) = master.hears().await {
            break master;
        }
    };
    let start = proto::Start { function: "wait".to_owned(), ..raw_master::start(1) };
    busy.say(1, from_master::Frame::Start(start));
    assert!(matches!(busy.hears().await, Some(from_slave::Frame::Accepted(_))));
    drop(busy);
    for _ in 0..10 {
        let mut master = RawMaster::connect(dialer.clone()).await;
        master.say(0, from_master::Frame::Hello(raw_master::hello().into()));
        let Some(from_slave::Frame::Rejected(rejected)) = master.hears().await else {
            panic!("it is refused")
        };
        assert_eq!(rejected.refusal.unwrap().code, "E0216");
    }
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_greedy_master_leaves_room_for_a_polite_one() {
    let gate = Gate::closed();
    let held = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            slave.function("wait", functions::wait_for(held.clone())).slots(1).queue(6, 1_000_000)
        })
        .start()
        .await
        .unwrap();
    let polite = Master::new().unwrap();
    let dialer = cluster.dialer(0);
    let polite = polite.connect_with("polite", move || dialer.clone().dial()).await.unwrap();
    let start =
        |connection: &Connection| connection.new_task(json!(1)).unwrap().function("wait").start();
    let mut accepted = Vec::new();
    let refusal = loop {
        match start(cluster.connection(0)).await {
            Ok(running) => accepted.push(running),
            Err(StartError::Refused { refusal, .. }) => break refusal,
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(accepted.len(), 1 + 3, "one runs, and half of the queue is its share");
    assert!(refusal.message.contains("share"), "{refusal}");
    assert!(refusal.retry_after.is_some());
    for _ in 0..3 {
        accepted.push(start(&polite).await.unwrap());
    }
    gate.open();
    for running in &accepted {
        expect::completed(running).await;
    }
    cluster.stop().await;
}
