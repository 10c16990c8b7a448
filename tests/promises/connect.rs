//! A connection that cannot be is refused by name, and nothing stays behind.

use std::time::Duration;

use selsyn::{ConnectError, ConnectionState, Master, Slave, Token, generate_token};
use selsyn_common::proto::from_master;
use selsyn_common::proto::{self, from_slave};
use selsyn_testing::{TestCluster, expect};
use selsyn_tests::raw_master::{RawMaster, hello};

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
    master.say(0, from_master::Frame::Hello(newer));
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
