//! A slave stops in good order and in bounded time, whatever hangs on to it.

use std::time::Duration;

use selsyn::{ConnectionState, Master, Ran, Refusal, Slave, TaskStatus};
use selsyn_common::proto::{self, from_slave};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use selsyn_tests::FakeSlave;
use serde_json::json;
use tokio::net::TcpStream;

async fn gated(gate: &Gate) -> TestCluster {
    let gate = gate.clone();
    TestCluster::builder(1)
        .slaves(move |_, slave| {
            let slave = slave.abort_grace(Duration::from_millis(50));
            slave.function("wait", functions::wait_for(gate.clone()))
        })
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_draining_slave_finishes_what_runs_and_refuses_what_comes() {
    let gate = Gate::closed();
    let mut cluster = gated(&gate).await;
    let connection = cluster.connection(0).clone();
    let start = || connection.new_task(json!(1)).unwrap().function("wait").start();
    let running = start().await.unwrap();
    let slave = cluster.take_slave(0).unwrap();
    let draining = tokio::spawn(slave.drain(Duration::from_secs(30)));
    expect::state(&connection, ConnectionState::Draining).await;
    let error = expect::error(start().await);
    assert_eq!((error.code(), error.ran(), error.refusal().unwrap().code), ("E0109", Ran::No, 101));
    gate.open();
    expect::completed(&running).await;
    expect::soon("the drain", draining).await.unwrap().unwrap();
    cluster.stop().await;
}

/// The start was on its way when the slave, with nothing to do, ended its drain.
#[tokio::test]
async fn a_start_that_crosses_with_the_end_of_a_drained_slave_never_ran() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().start());
    session.start().await;
    session.send(from_slave::Frame::Draining(proto::Draining { deadline_millis: 0 }));
    drop(session);
    let error = expect::error(expect::soon("the answer", starting).await.unwrap());
    assert_eq!((error.code(), error.ran()), ("E0109", Ran::No));
}

#[tokio::test]
async fn what_outlives_the_drain_deadline_is_aborted_and_told() {
    let mut cluster = gated(&Gate::closed()).await;
    let running =
        cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start().await.unwrap();
    let slave = cluster.take_slave(0).unwrap();
    expect::soon("the drain", slave.drain(Duration::from_millis(50))).await.unwrap();
    let failure = expect::failure(&running, TaskStatus::Aborted).await;
    assert!(failure.message.starts_with("the slave is shutting down"), "{failure}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_connection_that_never_speaks_does_not_hold_a_shutdown() {
    let slave = Slave::builder().bind("127.0.0.1:0").await.unwrap().spawn();
    let silent = TcpStream::connect(slave.addr()).await.unwrap();
    expect::soon("the shutdown", slave.shutdown()).await.unwrap();
    drop(silent);
}

#[tokio::test]
async fn serve_until_ends_with_its_signal_and_frees_the_port() {
    let gate = Gate::closed();
    let slave = Slave::builder().bind("127.0.0.1:0").await.unwrap();
    let address = slave.addr();
    let signal = gate.clone();
    let serving = tokio::spawn(slave.serve_until(async move { signal.opened().await }));
    let master = Master::new().unwrap();
    let connection = master.connect("it", address.to_string()).await.unwrap();
    gate.open();
    expect::soon("the end of serving", serving).await.unwrap().unwrap();
    assert!(!connection.is_connected() || connection.state() == ConnectionState::Draining);
    selsyn_tests::port_is_free(address).await;
    master.close().await;
}

#[tokio::test]
async fn closing_a_master_whose_slave_is_gone_is_bounded() {
    let mut cluster = gated(&Gate::closed()).await;
    drop(cluster.take_slave(0));
    expect::state(cluster.connection(0), ConnectionState::Unreachable).await;
    expect::soon("the close", cluster.stop()).await;
}

#[tokio::test]
async fn a_task_that_its_hook_refuses_does_not_hold_a_drain() {
    let (asked, refuses) = (Gate::closed(), Gate::closed());
    let (asks, waits) = (asked.clone(), refuses.clone());
    let mut cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let (asked, refuses) = (asks.clone(), waits.clone());
            slave.before_task_async(move |_| {
                let (asked, refuses) = (asked.clone(), refuses.clone());
                async move {
                    asked.open();
                    refuses.opened().await;
                    Err::<(), _>(Refusal::new("no"))
                }
            })
        })
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0).clone();
    let starting = tokio::spawn(connection.new_task(1).unwrap().start());
    expect::soon("the hook to be asked", asked.opened()).await;
    let slave = cluster.take_slave(0).unwrap();
    let draining = tokio::spawn(slave.drain(expect::LIMIT * 2));
    expect::state(&connection, ConnectionState::Draining).await;
    refuses.open();
    expect::soon("the drain", draining).await.unwrap().unwrap();
    let error = expect::error(expect::soon("the start", starting).await.unwrap());
    assert_eq!((error.code(), error.ran()), ("E0103", Ran::No));
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_verdict_of_a_shutdown_is_told_before_the_session_is_closed() {
    for _ in 0..60 {
        let mut cluster = TestCluster::start(1).await.unwrap();
        let connection = cluster.connection(0);
        let starts =
            (0..20).map(|n| connection.new_task(n).unwrap().function("wait_for_abort").start());
        let tasks = futures_util::future::join_all(starts).await;
        let slave = cluster.take_slave(0).unwrap();
        expect::soon("the shutdown", slave.shutdown()).await.unwrap();
        for task in tasks {
            expect::ended_as(&task.unwrap(), TaskStatus::Aborted).await;
        }
        cluster.stop().await;
    }
}
