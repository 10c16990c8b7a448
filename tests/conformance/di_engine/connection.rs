//! E-02 to E-06 and E-11: named connections, opened and closed.
//!
//! DI-engine's slaves serve one connection at a time, and so do these: a slave that is not free
//! again when a connection has ended would refuse the next one.

use selsyn::di_engine::{SlaveCode, SlaveErrorKind};
use selsyn::{
    ConnectError, Connection, ConnectionState, DisconnectError, ErrorCode, Master, Slave,
    SlaveHandle,
};
use selsyn_testing::{TestCluster, expect, functions};
use serde_json::json;

use super::{on_tcp, works};

/// A slave and a master on the same channel.
async fn pair() -> (SlaveHandle, Master) {
    let slave = Slave::builder()
        .exclusive()
        .channel("training")
        .function("add", functions::add())
        .function("wait_for_abort", functions::wait_for_abort());
    let master = Master::builder().channel("training").build();
    (on_tcp(slave).await, master.expect("there are random bytes"))
}

/// E-02: the connection is up, and the master knows it by its name.
async fn is_listed(master: &Master, connection: &Connection) {
    assert!(connection.is_connected());
    assert!(master.contains("conn"));
    let names: Vec<_> = master.connections().iter().map(named).collect();
    assert_eq!(names, ["conn"]);

    // What is started on the one is in flight on the other: they are the same connection.
    let found = master.get("conn").expect("the master lists it");
    let task = connection.new_task(()).expect("JSON is JSON");
    let task = task.function("wait_for_abort").start().await;
    let task = task.expect("the slave takes the task");
    assert_eq!((found.name(), found.in_flight()), ("conn", 1));
    task.cancel("the case has seen enough");
    expect::ended(&task).await;
    assert_eq!(found.in_flight(), 0);
    assert_eq!(found.slave_id(), connection.slave_id());
}

fn named(connection: &Connection) -> String {
    connection.name().to_owned()
}

/// E-03: the connection is gone, and its name is free.
fn is_gone(master: &Master, connection: &Connection) {
    assert!(!connection.is_connected());
    assert_eq!(connection.state(), ConnectionState::Closed);
    assert!(!master.contains("conn") && master.get("conn").is_none());
    assert!(master.connections().is_empty());
}

async fn scope(slave: &SlaveHandle, master: &Master) -> Connection {
    let address = slave.addr().to_string();
    let scoped = master.scoped("conn", address, async |connection| {
        is_listed(master, &connection).await;
        connection
    });
    let scoped = expect::soon("the scope to end", scoped).await;
    scoped.expect("the slave is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_02_a_scoped_connection_is_up_and_listed_under_its_name() {
    let (slave, master) = pair().await;
    scope(&slave, &master).await;
    slave.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_03_a_connection_is_gone_when_its_scope_ends() {
    let (slave, master) = pair().await;
    let connection = scope(&slave, &master).await;
    is_gone(&master, &connection);
    slave.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_04_a_name_can_be_used_again_and_closed_by_hand() {
    let (slave, master) = pair().await;
    scope(&slave, &master).await;
    // Often, as the name and the slave must be free each time and not only soon after.
    for _ in 0..20 {
        let connection = master.connect("conn", slave.addr().to_string()).await;
        let connection = connection.unwrap();
        is_listed(&master, &connection).await;
        expect::soon("the goodbye", connection.disconnect()).await.unwrap();
        is_gone(&master, &connection);
    }
    slave.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn e_05_a_master_removes_a_connection_by_its_name() {
    let (slave, master) = pair().await;
    let connection = master.connect("conn", slave.addr().to_string()).await;
    let connection = connection.unwrap();
    expect::soon("the goodbye", master.disconnect("conn")).await.unwrap();
    is_gone(&master, &connection);

    let again = expect::error(master.disconnect("conn").await);
    assert!(matches!(again, DisconnectError::UnknownConnection { name } if name == "conn"));
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn e_06_a_slave_on_another_channel_refuses_the_connection() {
    let slave = on_tcp(Slave::builder().channel("c1")).await;
    let master = Master::builder().channel("c2").build().unwrap();
    let error = expect::error(master.connect("conn", slave.addr().to_string()).await);

    assert_eq!(error.error_code(), ErrorCode::ChannelInvalid);
    let code = error.refusal().unwrap().code;
    assert_eq!(code, 202);
    assert_eq!(SlaveErrorKind::from(code), SlaveErrorKind::ChannelInvalid);
    assert_eq!(SlaveCode::try_from(code).unwrap().http_status(), 403);
    assert!(!master.contains("conn") && master.connections().is_empty());
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn e_11_a_name_that_is_taken_leaves_its_connection_untouched() {
    let cluster = TestCluster::start(2).await.unwrap();
    let (first, dialer) = (cluster.connection(0), cluster.dialer(1));
    let second = cluster.master().connect_with("slave-0", move || dialer.clone().dial());
    let error = expect::error(second.await);

    assert!(error.to_string().contains("slave-0"), "{error}");
    assert!(matches!(error, ConnectError::NameTaken { name } if name == "slave-0"));
    let found = cluster.master().get("slave-0").unwrap();
    assert_eq!(found.slave_id(), Some(cluster.slave(0).id()));
    assert!(first.is_connected());
    works(first).await;
    let task = first.new_task(json!(1)).unwrap().function("echo").start();
    assert_eq!(task.await.unwrap().success::<i64>().await.unwrap(), 1);
    cluster.stop().await;
}
