//! The ancestor's faults, by the numbers under which they were found: none of them is ours.

use std::time::Duration;

use selsyn::{Master, Ran, Slave, TaskStatus, generate_token};
use selsyn_common::proto::{self, from_master, from_slave};
use selsyn_testing::functions::{Counter, count};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use selsyn_tests::FakeSlave;
use selsyn_tests::raw_master::{RawMaster, start};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn origin_01_a_result_is_never_told_under_another_tasks_id() {
    let cluster =
        TestCluster::builder(1).slaves(|_, slave| slave.exclusive()).start().await.unwrap();
    for n in 0..300 {
        let running =
            cluster.connection(0).new_task(n).unwrap().function("echo").start().await.unwrap();
        assert_eq!(running.success::<i32>().await.unwrap(), n);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn origin_02_whatever_a_function_raises_is_told() {
    let cluster = TestCluster::start(1).await.unwrap();
    let running =
        cluster.connection(0).new_task("oh").unwrap().function("panic").start().await.unwrap();
    expect::failure(&running, TaskStatus::Failed).await;
    cluster.stop().await;
}

#[tokio::test]
async fn origin_03_a_result_that_cannot_be_told_costs_the_slave_nothing() {
    let (gate, connects) = (Gate::closed(), Counter::default());
    let (opened, connected) = (gate.clone(), connects.clone());
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            slave.slots(1).function("wait", functions::wait_for(opened.clone()))
        })
        .master(move |master| {
            master.after_connect(move |_| {
                connected.count();
            })
        })
        .start()
        .await
        .unwrap();
    let running =
        cluster.connection(0).new_task(1).unwrap().function("wait").start().await.unwrap();
    expect::running(&running).await;
    cluster.dialer(0).cut();
    expect::eventually("the second session", || connects.runs() == 2).await;
    gate.open();
    for _ in 0..3 {
        let next =
            cluster.connection(0).new_task(2).unwrap().function("wait").start().await.unwrap();
        expect::completed(&next).await;
    }
    cluster.stop().await;
}

/// The slave hears that a result was taken after the callbacks have returned, and not before; with
/// what is said next, or when it beats.
#[tokio::test]
async fn origin_04_a_result_is_acknowledged_after_its_callbacks() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let returned = Counter::default();
    let (gate, returns) = (Gate::closed(), returned.clone());
    let opened = gate.clone();
    let task = connection.new_task(1).unwrap().on_complete_async(move |_, _| async move {
        opened.opened().await;
        returns.count();
    });
    let starting = tokio::spawn(task.start());
    let execution = session.start().await.execution;
    session.send(from_slave::Frame::Accepted(proto::Accepted { execution, reply: None }));
    let outcome = selsyn::Outcome::completed(selsyn::Payload::null());
    let outcome = Some(proto::Outcome::from(outcome));
    session.send(from_slave::Frame::Finished(proto::Finished { execution, outcome }));
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    let beat = || from_slave::Frame::Heartbeat(proto::Heartbeat {});
    session.send(beat());
    running.join_timeout(Duration::from_millis(20)).await.unwrap_err();
    gate.open();
    expect::completed(&running).await;
    session.send(beat());
    assert!(matches!(session.next().await, from_master::Frame::ResultsTaken(_)));
    assert_eq!(returned.runs(), 1);
}

/// However many ended one after the other, and although nothing is started behind them.
#[tokio::test]
async fn origin_04_results_of_tasks_that_end_one_by_one_are_acknowledged_at_the_next_beat() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let mut ended = Vec::new();
    for _ in 0..33 {
        let starting = tokio::spawn(connection.new_task(1).unwrap().start());
        let execution = session.start().await.execution;
        let outcome = selsyn::Outcome::completed(selsyn::Payload::null());
        let outcome = Some(proto::Outcome::from(outcome));
        session.send(from_slave::Frame::Finished(proto::Finished { execution, outcome }));
        let running = expect::soon("the start", starting).await.unwrap().unwrap();
        expect::completed(&running).await;
        ended.extend(execution);
    }
    session.send(from_slave::Frame::Heartbeat(proto::Heartbeat {}));
    let from_master::Frame::ResultsTaken(taken) = session.next().await else {
        panic!("the master has results to tell of")
    };
    assert_eq!(taken.executions, ended);
}

#[tokio::test]
async fn origin_05_a_raising_callback_stops_no_later_result() {
    let cluster = TestCluster::start(1).await.unwrap();
    let task = cluster.connection(0).new_task(1).unwrap().function("echo");
    let raising = task.on_complete(|_, _| panic!("raised")).start().await.unwrap();
    assert_eq!(expect::completed(&raising).await.callback_panics, ["raised"]);
    let next = cluster.connection(0).new_task(1).unwrap().function("echo").start().await.unwrap();
    expect::completed(&next).await;
    cluster.stop().await;
}

#[tokio::test]
async fn origin_06_a_start_that_is_sent_twice_runs_once() {
    let counter = Counter::default();
    let counted = counter.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("count", count(counted.clone())))
        .start()
        .await
        .unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    for seq in 1..=5 {
        let start = proto::Start { function: "count".to_owned(), ..start(1) };
        master.say(seq, from_master::Frame::Start(start));
    }
    let mut verdicts = 0;
    while verdicts == 0 {
        let frame = master.hears().await.expect("the session lives");
        verdicts += usize::from(matches!(frame, from_slave::Frame::Finished(_)));
    }
    assert_eq!(counter.runs(), 1);
    drop(master);
    cluster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn origin_07_a_peer_that_never_answers_costs_a_bounded_time() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, _session) = slave.connect(&master, "it").await;
    let begun = tokio::time::Instant::now();
    let error = expect::error(connection.new_task(1).unwrap().start().await);
    assert_eq!((error.ran(), begun.elapsed().as_secs()), (Ran::Unknown, 11));
}

#[tokio::test]
async fn origin_08_no_retries_means_none() {
    for attempts in [0, 1] {
        let dials = Counter::default();
        let dialed = dials.clone();
        let master = Master::new().unwrap();
        let refuse = move || {
            dialed.count();
            std::future::ready(Err::<tokio::io::DuplexStream, _>(
                std::io::ErrorKind::ConnectionRefused.into(),
            ))
        };
        expect::error(master.connect_with("it", refuse).attempts(attempts).await);
        assert_eq!(dials.runs(), 1);
    }
}

/// The wall clock labels task ids, events, lines of FunctionGraph's logger and bluesky's waits, and
/// nothing else reads it.
#[test]
fn origin_09_no_rule_reads_the_wall_clock() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut folders: Vec<_> =
        ["common", "master", "slave"].map(|room| root.join(room).join("src")).into();
    let mut readers = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path)
                .is_ok_and(|text| text.contains("SystemTime::now"))
            {
                readers.push(path.file_name().unwrap().to_owned());
            }
        }
    }
    readers.sort();
    assert_eq!(readers, ["logger.rs", "master.rs", "monitor.rs", "total.rs"]);
}

#[tokio::test]
async fn origin_10_a_silent_slave_is_not_connected_and_its_tasks_end() {
    let window = Duration::from_millis(300);
    let mut cluster = TestCluster::builder(1)
        .master(move |master| master.heartbeat_tolerance(window).resume_window(Some(window)))
        .start()
        .await
        .unwrap();
    let running = cluster
        .connection(0)
        .new_task(1)
        .unwrap()
        .function("wait_for_abort")
        .start()
        .await
        .unwrap();
    drop(cluster.take_slave(0));
    expect::ended_as(&running, TaskStatus::Lost).await;
    assert!(!cluster.connection(0).is_connected());
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn origin_11_disconnecting_from_many_sides_at_once_ends_once() {
    let cluster = TestCluster::start(1).await.unwrap();
    let goodbyes: Vec<_> = (0..8)
        .map(|_| {
            let connection = cluster.connection(0).clone();
            tokio::spawn(async move { connection.disconnect().await })
        })
        .collect();
    for goodbye in goodbyes {
        expect::soon("a goodbye", goodbye).await.unwrap().unwrap();
    }
    assert!(!cluster.master().contains("slave-0"));
    cluster.stop().await;
}

#[tokio::test]
async fn origin_12_a_callback_that_comes_after_the_end_runs() {
    let cluster = TestCluster::start(1).await.unwrap();
    let running =
        cluster.connection(0).new_task(1).unwrap().function("echo").start().await.unwrap();
    expect::completed(&running).await;
    let (told, heard) = tokio::sync::oneshot::channel();
    let _running = running.on_complete(move |_, value| told.send(value.clone()).unwrap());
    assert_eq!(expect::soon("the callback", heard).await.unwrap().to_string(), "1");
    cluster.stop().await;
}

#[tokio::test]
async fn origin_13_the_slave_is_not_the_first_callers() {
    Slave::builder()
        .bind("0.0.0.0:0")
        .await
        .expect_err("without a token only this machine is served");
    let slave = Slave::builder()
        .token(generate_token().unwrap())
        .bind("127.0.0.1:0")
        .await
        .unwrap()
        .spawn();
    let error = expect::error(Master::new().unwrap().connect("it", slave.addr().to_string()).await);
    assert_eq!(error.code(), "E0204");
    slave.shutdown().await.unwrap();
}

/// No frame has a field for an address: there is nothing a slave could dial.
#[test]
fn origin_14_a_slave_is_told_no_address() {
    let wire = concat!(
        include_str!("../../proto/selsyn/v1/session.proto"),
        include_str!("../../proto/selsyn/v1/task.proto"),
    );
    assert!(!wire.contains("address") && !wire.contains("url"));
}

#[test]
fn origin_15_tokens_come_from_the_operating_system_and_are_compared_in_constant_time() {
    let (one, other) = (generate_token().unwrap(), generate_token().unwrap());
    assert_eq!(one.reveal().len(), 64);
    assert!(one.matches(one.reveal()) && !one.matches(other.reveal()));
    assert!(!format!("{one:?}").contains(one.reveal()));
}

#[tokio::test]
async fn origin_16_a_code_that_nobody_knows_is_a_value() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let starting = tokio::spawn(connection.new_task(1).unwrap().start());
    let execution = session.start().await.execution;
    let refusal = proto::Refusal {
        code: "E9999".to_owned(),
        number: 70_000,
        message: "something new".to_owned(),
        ..proto::Refusal::default()
    };
    session.send(from_slave::Frame::Refused(proto::Refused {
        execution,
        refusal: Some(refusal.into()),
    }));
    let error = expect::error(expect::soon("the start", starting).await.unwrap());
    assert_eq!(error.refusal().unwrap().message, "something new");
}

#[tokio::test]
async fn origin_17_a_body_has_a_limit_and_a_shutdown_an_end() {
    let cluster = TestCluster::builder(1)
        .slaves(|_, slave| slave.max_payload_bytes(10))
        .start()
        .await
        .unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    let data = Some(proto::Payload {
        kind: proto::PayloadKind::Bytes.into(),
        data: vec![0; 11].into(),
        size: 0,
    });
    master.say(1, from_master::Frame::Start(proto::Start { data, ..start(1) }));
    let Some(from_slave::Frame::Refused(refused)) = master.hears().await else {
        panic!("it is refused")
    };
    assert_eq!(refused.refusal.unwrap().code, "E0106");
    expect::soon("the end", cluster.stop()).await;
}

/// That `start` returns at all when its task was refused, and says what happened.
#[tokio::test]
async fn origin_style_a_refused_start_hangs_nobody() {
    let cluster = TestCluster::start(1).await.unwrap();
    let refused = cluster.connection(0).new_task(json!(1)).unwrap().function("none").start();
    let error = expect::error(expect::soon("the refusal", refused).await);
    assert_eq!(error.status(), TaskStatus::StartFailed);
    cluster.stop().await;
}
