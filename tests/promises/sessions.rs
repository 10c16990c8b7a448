//! A session outlives its streams: what is said in it is heard once, whichever stream carries it.

use std::time::Duration;

use selsyn::{
    Connection, ConnectionState, Master, MasterBuilder, OnMasterLost, Slave, SlaveBuilder,
    SlaveHandle, TaskStatus,
};
use selsyn_common::link::batch::Batch;
use selsyn_common::proto::{self, FromMaster, from_master, from_slave};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, PipeDialer, expect, functions, pipe};
use selsyn_tests::raw_master::{RawMaster, execution, hello, start};
use selsyn_tests::{FakeSession, FakeSlave};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

/// A slave whose user code runs under the clock of the test.
fn slave(set: impl FnOnce(SlaveBuilder) -> SlaveBuilder) -> (PipeDialer, SlaveHandle) {
    let (dialer, listener) = pipe();
    let builder = Slave::builder()
        .function_runtime(Handle::current())
        .function("echo", functions::echo())
        .function("wait", functions::wait_for(Gate::closed()));
    (dialer, set(builder).incoming(listener).unwrap().spawn())
}

/// A hook that counts.
fn counted<T>(count: Counter) -> impl Fn(T) -> std::future::Ready<()> {
    move |_| {
        count.count();
        std::future::ready(())
    }
}

fn waiting(task: u64) -> from_master::Frame {
    from_master::Frame::Start(proto::Start { function: "wait".to_owned(), ..start(task) })
}

/// Opens a stream with this Hello; gives the first answer.
async fn greet(dialer: &PipeDialer, hello: proto::Hello) -> (RawMaster, from_slave::Frame) {
    let mut master = RawMaster::connect(dialer.clone()).await;
    master.say(0, from_master::Frame::Hello(hello.into()));
    let first = master.hears().await.expect("the slave answers");
    (master, first)
}

async fn welcomed(dialer: &PipeDialer, hello: proto::Hello) -> (RawMaster, proto::Welcome) {
    match greet(dialer, hello).await {
        (master, from_slave::Frame::Welcome(welcome)) => (master, *welcome),
        (_, other) => panic!("expected Welcome, and got {other:?}"),
    }
}

fn resuming(welcome: &proto::Welcome, received: u64) -> proto::Hello {
    let (session_id, session_secret) = (welcome.session_id.clone(), welcome.session_secret.clone());
    let resume = proto::Resume { session_id, session_secret, received };
    proto::Hello { resume: Some(resume), ..hello() }
}

async fn finished(master: &mut RawMaster) -> proto::Finished {
    loop {
        match master.hears().await.expect("the stream goes on") {
            from_slave::Frame::Finished(finished) => return finished,
            from_slave::Frame::Accepted(_) | from_slave::Frame::Running(_) => {}
            other => panic!("expected a verdict, and got {other:?}"),
        }
    }
}

/// A Welcome of a session that can be resumed.
fn ticket() -> proto::Welcome {
    let session_id = vec![3; 16].into();
    proto::Welcome { session_id, session_secret: "secret".into(), ..FakeSlave::welcome() }
}

fn patient(master: MasterBuilder) -> Master {
    master.start_deadline(3_600 * SECOND).build().unwrap()
}

/// Answers every Hello until the connection is up: dials that were given up meanwhile come first.
async fn comes_back(slave: &mut FakeSlave, connection: &Connection) -> FakeSession {
    loop {
        let mut session = slave.session().await;
        session.hello().await;
        session
            .send(from_slave::Frame::Welcome(proto::Welcome { resumed: true, ..ticket() }.into()));
        sleep(SECOND / 100).await;
        if connection.is_connected() {
            return session;
        }
    }
}

/// A network that stood still delivers what was said long ago.
#[tokio::test(start_paused = true)]
async fn a_hello_that_comes_too_late_does_not_disturb_the_session() {
    let (dialer, slave) = slave(|slave| slave);
    let (mut master, welcome) = welcomed(&dialer, hello()).await;
    master.say(1, from_master::Frame::Start(start(1)));
    finished(&mut master).await;
    let beat = Some(from_master::Frame::Heartbeat(proto::Heartbeat {}));
    master.send(Batch::of(FromMaster { frame: beat }).with_ack(3));
    master.say(2, from_master::Frame::Start(start(2)));
    finished(&mut master).await;

    let (_late, first) = greet(&dialer, resuming(&welcome, 0)).await;
    assert!(matches!(first, from_slave::Frame::Rejected(_)), "{first:?}");
    master.say(3, from_master::Frame::Start(start(3)));
    finished(&mut master).await;
    drop(master);
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_session_goes_on_elsewhere_does_not_end_in_good_order() {
    let (dialer, slave) = slave(|slave| slave);
    let (mut former, welcome) = welcomed(&dialer, hello()).await;
    let (newer, _) = welcomed(&dialer, resuming(&welcome, 0)).await;
    let broke = loop {
        match former.next().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    broke.expect_err("only a session that is over ends so");
    drop(newer);
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_that_is_answered_while_the_master_is_away_loses_no_verdict() {
    let lost = Counter::default();
    let count = lost.clone();
    let (dialer, slave) = slave(|slave| slave.lost_connection_async(counted(count)));
    let (mut master, welcome) = welcomed(&dialer, hello()).await;
    master.say(1, waiting(1));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Running(_))));
    master.say(2, from_master::Frame::Goodbye(proto::Goodbye::default()));
    sleep(SECOND).await;
    drop(master);
    sleep(10 * SECOND).await;

    let (mut master, welcome) = welcomed(&dialer, resuming(&welcome, 2)).await;
    assert!(welcome.resumed);
    assert_eq!(finished(&mut master).await.execution, Some(execution(1)));
    let last = master.hears().await;
    assert!(matches!(last, Some(from_slave::Frame::GoodbyeAccepted(_))), "{last:?}");
    assert_eq!(master.hears().await, None);
    drop(master);
    sleep(100 * SECOND).await;
    assert_eq!(lost.runs(), 0, "it has said goodbye");
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_is_asked_about_once_however_often_it_is_said() {
    let (asked, gate) = (Counter::default(), Gate::closed());
    let (count, held) = (asked.clone(), gate.clone());
    let (dialer, slave) = slave(|slave| {
        slave.before_disconnection_async(move |_| {
            count.count();
            let held = held.clone();
            async move {
                held.opened().await;
                Ok::<_, selsyn::Refusal>(())
            }
        })
    });
    let (mut master, _) = welcomed(&dialer, hello()).await;
    for seq in 1..=3 {
        master.say(seq, from_master::Frame::Goodbye(proto::Goodbye::default()));
    }
    for _ in 0..2 {
        let answer = master.hears().await;
        assert!(matches!(answer, Some(from_slave::Frame::Violation(_))), "{answer:?}");
    }
    gate.open();
    let answer = master.hears().await;
    assert!(matches!(answer, Some(from_slave::Frame::GoodbyeAccepted(_))), "{answer:?}");
    assert_eq!(asked.runs(), 1);
    drop(master);
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_master_holds_an_exclusive_slave_no_longer_than_the_tolerance() {
    let (dialer, slave) = slave(SlaveBuilder::exclusive);
    let other = || proto::Hello { master_id: vec![9; 16].into(), ..hello() };
    let (silent, _) = welcomed(&dialer, hello()).await;
    sleep(16 * SECOND).await;
    let (_, first) = greet(&dialer, other()).await;
    assert!(matches!(first, from_slave::Frame::Rejected(_)), "{first:?}");
    // The tolerance of 17 s, and a beat at which the silence is seen.
    sleep(4 * SECOND).await;
    let (next, _) = welcomed(&dialer, other()).await;
    drop((silent, next));
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn times_that_are_too_far_away_to_come_keep_no_session_for_ever() {
    let lost = Counter::default();
    let count = lost.clone();
    let (dialer, slave) = slave(|slave| {
        slave
            .on_master_lost(OnMasterLost::AbortAfter(Duration::MAX))
            .lost_connection_async(counted(count))
    });
    let brief = proto::Hello { resume_window_millis: 1_000, ..hello() };
    drop(welcomed(&dialer, brief).await);
    sleep(5 * SECOND).await;
    assert_eq!(lost.runs(), 1);
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn payloads_that_are_announced_and_never_come_have_a_bound_however_small_they_are() {
    // Room for 16 parts.
    let (dialer, slave) = slave(|slave| slave.queue(1_000, 16 * 64 * 1024));
    let (mut master, _) = welcomed(&dialer, hello()).await;
    for task in 1..=17 {
        let data = proto::Payload { size: 1, ..proto::Payload::default() };
        let start = proto::Start { data: Some(data), ..start(task) };
        master.say(task, from_master::Frame::Start(start));
    }
    let Some(from_slave::Frame::Refused(refused)) = master.hears().await else {
        panic!("one too many")
    };
    assert_eq!(refused.execution, Some(execution(17)));
    drop(master);
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_master_that_is_being_greeted_does_not_make_room_for_another() {
    let (gate, lost) = (Gate::closed(), Counter::default());
    let (held, count) = (gate.clone(), lost.clone());
    let (dialer, slave) = slave(|slave| {
        slave
            .max_sessions(1)
            .before_connection_async(move |_| {
                let held = held.clone();
                async move {
                    held.opened().await;
                    Ok::<_, selsyn::Refusal>(())
                }
            })
            .lost_connection_async(counted(count))
    });
    let mut first = RawMaster::connect(dialer.clone()).await;
    first.say(0, from_master::Frame::Hello(hello().into()));
    sleep(SECOND).await;
    let other = proto::Hello { master_id: vec![9; 16].into(), ..hello() };
    let (_, second) = greet(&dialer, other).await;
    assert!(matches!(second, from_slave::Frame::Rejected(_)), "{second:?}");
    gate.open();
    let answer = first.hears().await;
    assert!(matches!(answer, Some(from_slave::Frame::Welcome(_))), "{answer:?}");
    assert_eq!(lost.runs(), 0);
    drop(first);
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slave_that_is_dropped_tells_nobody_later_that_a_master_was_lost() {
    let lost = Counter::default();
    let count = lost.clone();
    let (dialer, slave) = slave(|slave| slave.lost_connection_async(counted(count)));
    let (master, _) = welcomed(&dialer, hello()).await;
    drop(slave);
    sleep(SECOND).await;
    let told = lost.runs();
    sleep(3_600 * SECOND).await;
    assert_eq!(lost.runs(), told);
    drop(master);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_was_lost_before_it_came_is_never_sent_again() {
    let master = patient(Master::builder());
    let mut slave = FakeSlave::listen();
    let dialer = slave.dialer();
    let connection = master.connect_with("it", move || dialer.clone().dial()).lazy().await.unwrap();
    let mut session = slave.session().await;
    session.hello().await;
    session.send(from_slave::Frame::Welcome(ticket().into()));
    expect::state(&connection, ConnectionState::Connected).await;
    let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().start());
    let id = session.start().await.execution;
    drop(session);
    let error = expect::error(starting.await.unwrap());
    assert_eq!(error.code(), "E0113", "{error}");

    // The slave has not received it: it says so in its Welcome.
    let mut session = comes_back(&mut slave, &connection).await;
    let from_master::Frame::Cancel(cancel) = session.next().await else {
        panic!("what is lost does not begin any more")
    };
    assert_eq!(cancel.execution, id);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_a_new_session_has_taken_over_is_not_lost_with_the_former_one() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().start());
    let execution = session.start().await.execution;
    let accepted = || from_slave::Frame::Accepted(proto::Accepted { execution, reply: None });
    session.send(accepted());
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    drop(session);
    let mut session = slave.greeted().await;
    session.send(accepted());
    for _ in 0..20 {
        sleep(5 * SECOND).await;
        session.send(from_slave::Frame::Heartbeat(proto::Heartbeat {}));
    }
    assert_eq!(running.status(), TaskStatus::Started, "the slave is here, and has it");
}

#[tokio::test(start_paused = true)]
async fn who_takes_over_the_work_of_a_former_session_leaves_nothing_of_it_behind() {
    let (dialer, slave) = slave(|slave| slave);
    let alive = || Handle::current().metrics().num_alive_tasks();
    let mut before = 0;
    for round in 0..20 {
        let (mut master, _) = welcomed(&dialer, hello()).await;
        master.say(1, from_master::Frame::Start(start(round)));
        while finished(&mut master).await.execution != Some(execution(round)) {}
        if let Some(former) = round.checked_sub(1) {
            let taken = proto::ResultsTaken { executions: vec![execution(former)] };
            master.say(2, from_master::Frame::ResultsTaken(taken));
        }
        let detach_at = if round == 0 { 2 } else { 3 };
        master.say(detach_at, from_master::Frame::Detach(proto::Detach {}));
        while master.hears().await.is_some() {}
        drop(master);
        sleep(10 * SECOND).await;
        if round == 0 {
            before = alive();
        }
    }
    assert_eq!(alive(), before, "only the last session has something to wait for");
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_master_that_does_not_read_to_the_end_does_not_keep_the_stream() {
    use selsyn::{Failure, FunctionExecution, Payload, function};
    let (dialer, slave) = slave(|slave| {
        let large = |_: FunctionExecution, (): ()| async {
            Ok::<_, Failure>(Payload::bytes(vec![7; 1_000_000]))
        };
        slave.function("large", function(large))
    });
    let (mut master, _) = welcomed(&dialer, hello()).await;
    let data = proto::Payload { data: "null".into(), ..start(1).data.unwrap() };
    let large = proto::Start { function: "large".to_owned(), data: Some(data), ..start(1) };
    master.say(1, from_master::Frame::Start(large));
    master.say(2, from_master::Frame::Goodbye(proto::Goodbye::default()));
    // It acknowledges nothing, so that most of the result has no credit.
    while let Some(frame) = master.hears().await {
        assert!(!matches!(frame, from_slave::Frame::GoodbyeAccepted(_)));
    }
    slave.shutdown().await.unwrap();
}

/// GoodbyeAccepted left on a stream that broke: nobody heard it, nor the verdict before it.
#[tokio::test(start_paused = true)]
async fn a_goodbye_whose_answer_was_not_heard_is_answered_again() {
    let (dialer, slave) = slave(|slave| slave);
    let (mut master, welcome) = welcomed(&dialer, hello()).await;
    master.say(1, from_master::Frame::Start(start(1)));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    master.say(2, from_master::Frame::Goodbye(proto::Goodbye::default()));
    sleep(SECOND).await;
    drop(master);
    sleep(SECOND).await;
    let (mut master, welcome) = welcomed(&dialer, resuming(&welcome, 1)).await;
    assert!(welcome.resumed);
    assert_eq!(finished(&mut master).await.execution, Some(execution(1)));
    drop(master);
    slave.shutdown().await.unwrap();
}
