//! Large payloads travel in parts: whole or not at all, refused before they come, in nobody's way.

use std::time::Duration;

use selsyn::{
    FailureKind, Outcome, Payload, PayloadKind, Ran, Slave, SlaveBuilder, SlaveHandle, TaskStatus,
};
use selsyn_common::link::PART_BYTES;
use selsyn_common::proto::{self, from_master, from_slave};
use selsyn_testing::{Gate, PipeDialer, TestCluster, expect, functions, pipe};
use selsyn_tests::raw_master::{self, RawMaster, execution};

const MIB: usize = 1024 * 1024;

fn pattern(bytes: usize, salt: usize) -> Payload {
    let data: Vec<u8> = (0..bytes).map(|at| ((at / 7 + salt) % 251) as u8).collect();
    Payload::from_parts(PayloadKind::Bytes, data.into())
}

#[tokio::test]
async fn payloads_of_every_size_come_back_as_they_left() {
    let cluster = TestCluster::start(1).await.unwrap();
    let sizes =
        [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES, MIB, 5 * MIB + 3];
    let started = sizes.map(|bytes| {
        let task = cluster.connection(0).new_task(pattern(bytes, bytes)).unwrap();
        task.function("echo").start()
    });
    for starting in started {
        let running = starting.await.unwrap();
        let outcome = expect::completed(&running).await;
        assert_eq!(outcome.value(), Some(running.data()));
    }
    cluster.stop().await;
}

#[tokio::test]
async fn large_payloads_survive_cuts_in_both_directions() {
    let cluster = TestCluster::start(1).await.unwrap();
    let tasks: Vec<_> = (0..4)
        .map(|n| {
            let task = cluster.connection(0).new_task(pattern(6 * MIB, n)).unwrap();
            tokio::spawn(task.function("echo").start_deadline(expect::LIMIT).start())
        })
        .collect();
    for _ in 0..5 {
        cluster.dialer(0).cut();
        expect::state(cluster.connection(0), selsyn::ConnectionState::Connected).await;
    }
    for task in tasks {
        let running = expect::soon("the start", task).await.unwrap().unwrap();
        let outcome = expect::completed(&running).await;
        assert_eq!(outcome.value(), Some(running.data()));
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_large_partial_value_comes_with_the_abort_and_before_the_goodbye() {
    let cluster = TestCluster::start(1).await.unwrap();
    let data = pattern(3 * MIB, 1);
    let task = cluster.connection(0).new_task(data.clone()).unwrap().function("wait_for_abort");
    let running = task.start().await.unwrap();
    expect::running(&running).await;
    cluster.connection(0).disconnect().await.unwrap();
    let failure = expect::failure(&running, TaskStatus::Aborted).await;
    assert_eq!(failure.partial.as_deref(), Some(&data));
    cluster.stop().await;
}

#[tokio::test]
async fn a_result_over_the_masters_limit_fails_its_task_and_no_other() {
    let cluster = TestCluster::builder(1)
        .master(|master| master.max_payload_bytes(MIB))
        .start()
        .await
        .unwrap();
    let echo = |bytes| {
        let task = cluster.connection(0).new_task(pattern(bytes, 0)).unwrap();
        task.function("echo").start()
    };
    let failure = expect::failure(&echo(MIB + 1).await.unwrap(), TaskStatus::Failed).await;
    assert_eq!((failure.kind, failure.ran), (FailureKind::TooLarge, Ran::Yes));
    expect::completed(&echo(MIB).await.unwrap()).await;
    cluster.stop().await;
}

fn slave(more: impl FnOnce(SlaveBuilder) -> SlaveBuilder) -> (PipeDialer, SlaveHandle) {
    let (dialer, listener) = pipe();
    let builder = Slave::builder()
        .function("echo", functions::echo())
        .function("wait", functions::wait_for(Gate::closed()));
    (dialer, more(builder).incoming(listener).unwrap().spawn())
}

/// A start of `echo` whose data follows in parts.
fn announced(task: u64, bytes: usize) -> from_master::Frame {
    let mut start = raw_master::start(task);
    let kind = proto::PayloadKind::Bytes.into();
    start.data = Some(proto::Payload { kind, size: bytes as u64, ..proto::Payload::default() });
    from_master::Frame::Start(start)
}

fn part(frame: u64, bytes: usize) -> from_master::Frame {
    from_master::Frame::Part(proto::Part { frame, data: vec![7; bytes].into() })
}

fn refusal(frame: Option<from_slave::Frame>) -> selsyn::Refusal {
    match frame {
        Some(from_slave::Frame::Refused(refused)) => refused.refusal.unwrap().into(),
        other => panic!("expected Refused, and got {other:?}"),
    }
}

#[tokio::test]
async fn a_start_is_refused_by_its_size_before_its_data_comes() {
    let (dialer, slave) = slave(|slave| slave.max_payload_bytes(MIB).queue(10, 2 * MIB));
    let mut master = RawMaster::welcomed(dialer).await;
    master.say(1, announced(1, MIB + 1));
    assert_eq!(refusal(master.hears().await).reason.as_str(), "E0106");
    let mut unknown = announced(2, MIB);
    let from_master::Frame::Start(start) = &mut unknown else { unreachable!() };
    start.function = "nobody".to_owned();
    master.say(2, unknown);
    assert_eq!(refusal(master.hears().await).reason.as_str(), "E0101");
    // Parts that were on their way are dropped.
    master.say(3, part(1, 10));
    master.say(4, part(2, 10));
    // What is on its way is bounded, and whoever is refused for it is told when to come again.
    master.say(5, announced(3, MIB));
    master.say(6, announced(4, MIB));
    master.say(7, announced(5, 1));
    let full = refusal(master.hears().await);
    assert_eq!(full.reason.as_str(), "E0105");
    assert!(full.retry_after.is_some());
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_start_whose_data_never_comes_holds_no_slot_and_can_be_cancelled() {
    let (dialer, slave) = slave(|slave| slave.slots(1));
    let mut master = RawMaster::welcomed(dialer).await;
    master.say(1, announced(1, MIB));
    master.say(2, part(1, PART_BYTES));
    master.say(3, from_master::Frame::Start(raw_master::start(2)));
    let accepted = master.hears().await;
    assert!(matches!(accepted, Some(from_slave::Frame::Accepted(_))), "{accepted:?}");
    let cancel = proto::Cancel { execution: Some(execution(1)), reason: String::new() };
    master.say(4, from_master::Frame::Cancel(cancel));
    let forbidden = async {
        loop {
            if let Some(from_slave::Frame::Forbidden(frame)) = master.hears().await {
                return frame.execution;
            }
        }
    };
    assert_eq!(forbidden.await, Some(execution(1)));
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn parts_that_break_their_rules_end_the_stream_and_it_alone() {
    for broken in [part(1, PART_BYTES * 3), part(1, 0)] {
        let (dialer, slave) = slave(|slave| slave);
        let mut neighbour = RawMaster::connect(dialer.clone()).await;
        let other = proto::Hello { master_id: vec![9; 16].into(), ..raw_master::hello() };
        neighbour.say(0, from_master::Frame::Hello(other.into()));
        neighbour.hears().await.unwrap();
        let mut master = RawMaster::welcomed(dialer).await;
        master.say(1, announced(1, 2 * PART_BYTES));
        master.say(2, broken);
        let violation = master.hears().await;
        assert!(matches!(&violation, Some(from_slave::Frame::Violation(v)) if v.ends_stream));
        assert_eq!(master.hears().await, None);
        neighbour.say(1, from_master::Frame::Start(raw_master::start(5)));
        assert!(matches!(neighbour.hears().await, Some(from_slave::Frame::Accepted(_))));
        slave.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn a_slave_that_hears_much_and_says_little_acknowledges_all_the_same() {
    let (dialer, slave) = slave(|slave| slave.heartbeat_every(Duration::from_secs(4)));
    let mut master = RawMaster::welcomed(dialer).await;
    master.say(1, announced(1, MIB));
    (2..4).for_each(|seq| master.say(seq, part(1, PART_BYTES)));
    let acknowledged = async {
        loop {
            master.next().await.unwrap().unwrap();
            if master.acked() == 3 {
                return;
            }
        }
    };
    expect::soon("the acknowledgement", acknowledged).await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_payload_that_is_whole_and_in_parts_at_once_is_a_violation() {
    let (dialer, slave) = slave(|slave| slave);
    let mut master = RawMaster::welcomed(dialer).await;
    let mut both = announced(1, MIB);
    let from_master::Frame::Start(start) = &mut both else { unreachable!() };
    start.data.as_mut().unwrap().data = "x".into();
    master.say(1, both);
    let violation = master.hears().await;
    assert!(matches!(violation, Some(from_slave::Frame::Violation(v)) if v.ends_stream));
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_large_result_is_heard_whole_before_what_comes_after_it() {
    let cluster = TestCluster::start(1).await.unwrap();
    let connection = cluster.connection(0);
    let large = connection.new_task(pattern(8 * MIB, 0)).unwrap().function("echo");
    let large = large.start().await.unwrap();
    let small =
        connection.new_task(pattern(10, 0)).unwrap().function("echo").start().await.unwrap();
    let outcomes: Vec<Outcome> = futures_util::future::join_all([large.join(), small.join()]).await;
    assert!(outcomes.iter().all(Outcome::is_completed));
    cluster.stop().await;
}
