//! A broken stream ends no task by itself; a window that is over does, honestly.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use selsyn::{
    ConnectionState, Master, MasterBuilder, Ran, Refusal, Slave, SlaveHandle, StartError,
    TaskStatus,
};
use selsyn_common::link::batch::Batch;
use selsyn_common::proto::{self, FromSlave, from_master, from_slave};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, PipeDialer, TestCluster, expect, functions, pipe};
use selsyn_tests::FakeSlave;
use serde_json::json;

const WINDOW: Duration = Duration::from_millis(400);

fn impatient(master: MasterBuilder) -> MasterBuilder {
    master.heartbeat_tolerance(WINDOW).suspect_after(WINDOW / 2).resume_window(Some(WINDOW))
}

async fn gated(gate: &Gate, count: usize) -> TestCluster {
    let gate = gate.clone();
    TestCluster::builder(count)
        .slaves(move |_, slave| slave.function("wait", functions::wait_for(gate.clone())))
        .master(impatient)
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_cut_connection_is_resumed_and_its_tasks_end_as_if_nothing_had_happened() {
    let gate = Gate::closed();
    let (resumed, lost) = (Counter::default(), Counter::default());
    let (told, told_lost, held) = (resumed.clone(), lost.clone(), gate.clone());
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let lost = told_lost.clone();
            slave.function("wait", functions::wait_for(held.clone())).lost_connection(move |_| {
                lost.count();
            })
        })
        .master(move |master| {
            impatient(master).resume_window(Some(Duration::from_secs(60))).after_connect(
                move |connected| {
                    if connected.resumed {
                        told.count();
                    }
                },
            )
        })
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0);
    let start = |n: i32| connection.new_task(json!(n)).unwrap().function("wait").start();
    let running = start(1).await.unwrap();
    expect::running(&running).await;
    for _ in 0..3 {
        cluster.dialer(0).cut();
        expect::state(connection, ConnectionState::Unreachable).await;
        assert_eq!(running.status(), TaskStatus::Started, "the view ends no task");
        expect::state(connection, ConnectionState::Connected).await;
    }
    expect::eventually("the hook to be told", || resumed.runs() == 3).await;
    let second = start(2).await.unwrap();
    cluster.dialer(0).cut();
    gate.open();
    assert_eq!(expect::completed(&running).await.value().unwrap().json().unwrap(), json!(1));
    assert_eq!(expect::completed(&second).await.value().unwrap().json().unwrap(), json!(2));
    assert_eq!((lost.runs(), connection.in_flight()), (0, 0));
    cluster.stop().await;
}

#[tokio::test]
async fn a_slave_that_is_gone_is_dialled_for_ever_and_its_tasks_are_lost_in_time() {
    let mut cluster = gated(&Gate::closed(), 1).await;
    let running =
        cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start().await.unwrap();
    expect::running(&running).await;
    drop(cluster.take_slave(0));
    expect::ended_as(&running, TaskStatus::Lost).await;
    assert_eq!(cluster.connection(0).state(), ConnectionState::Unreachable);
    assert!(cluster.master().contains("slave-0"));
    cluster.stop().await;
}

fn slave() -> (PipeDialer, SlaveHandle) {
    let (dialer, listener) = pipe();
    let gate = Gate::closed();
    let builder = Slave::builder()
        .function("wait", functions::wait_for(gate))
        .function("echo", functions::echo());
    (dialer, builder.incoming(listener).unwrap().spawn())
}

#[tokio::test]
async fn a_restarted_slave_loses_the_tasks_of_its_former_life_at_once() {
    let (dialer, first) = slave();
    let current = Arc::new(Mutex::new(dialer));
    let dials = Arc::clone(&current);
    // A window of minutes: what ends the task is the other boot, not the clock.
    let master = Master::new().unwrap();
    let connecting = master.connect_with("it", move || {
        let dialer = dials.lock().unwrap().clone();
        dialer.dial()
    });
    let connection = connecting.await.unwrap();
    let running = connection.new_task(json!(1)).unwrap().function("wait").start().await.unwrap();
    expect::running(&running).await;

    let (dialer, second) = slave();
    *current.lock().unwrap() = dialer;
    drop(first);
    let failure = expect::failure(&running, TaskStatus::Lost).await;
    assert!(failure.message.contains("restarted"), "{failure}");
    let echo = connection.new_task(json!(1)).unwrap().function("echo").start().await.unwrap();
    expect::completed(&echo).await;
    assert_eq!(connection.slave_id(), Some(second.id()));
    master.close().await;
    second.shutdown().await.unwrap();
}

#[tokio::test]
async fn detaching_ends_the_handles_and_leaves_the_run_alone() {
    let gate = Gate::closed();
    let cluster = gated(&gate, 1).await;
    let running =
        cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start().await.unwrap();
    expect::running(&running).await;
    cluster.connection(0).detach();
    let failure = expect::failure(&running, TaskStatus::Lost).await;
    assert_eq!(failure.ran, Ran::Unknown);
    expect::soon("the connection to close", cluster.connection(0).closed()).await;
    assert_eq!(cluster.slave(0).running(), 1);
    gate.open();
    expect::eventually("the run to end", || cluster.slave(0).running() == 0).await;
    cluster.stop().await;
}

#[tokio::test]
async fn dropping_the_last_handle_of_a_dropped_master_detaches() {
    let lost = Counter::default();
    let count = lost.clone();
    let (dialer, listener) = pipe();
    let slave = Slave::builder()
        .lost_connection(move |_| {
            count.count();
        })
        .incoming(listener)
        .unwrap()
        .spawn();
    let master = Master::new().unwrap();
    let connection = master.connect_with("it", move || dialer.clone().dial()).await.unwrap();
    drop(master);
    assert!(connection.is_connected(), "a handle keeps its connection");
    drop(connection);
    expect::eventually("the slave to notice", || lost.runs() == 1).await;
    slave.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_slave_is_suspected_then_unreachable_and_any_frame_restores_it() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let begun = tokio::time::Instant::now();
    expect::state(&connection, ConnectionState::Suspect).await;
    assert_eq!(begun.elapsed().as_secs(), 7);
    let mut heard = begun;
    for frame in [
        from_slave::Frame::Heartbeat(proto::Heartbeat {}),
        from_slave::Frame::FunctionsChanged(proto::FunctionsChanged::default()),
    ] {
        session.send(frame);
        expect::state(&connection, ConnectionState::Connected).await;
        heard = tokio::time::Instant::now();
        expect::state(&connection, ConnectionState::Suspect).await;
        assert_eq!(heard.elapsed().as_secs(), 7);
    }
    expect::state(&connection, ConnectionState::Unreachable).await;
    assert_eq!(heard.elapsed().as_secs(), 17);
}

/// By the real clock: a paused one runs on while the sync hook is told on a thread of its own.
#[tokio::test]
async fn a_re_dial_that_is_refused_fails_the_connection_and_ends_its_tasks() {
    let told = Gate::closed();
    let telling = told.clone();
    let master = Master::builder().on_connect_error(move |_| telling.open()).build().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().start());
    let execution = session.start().await.execution;
    session.send(from_slave::Frame::Accepted(proto::Accepted { execution, reply: None }));
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    drop(session);
    let mut session = slave.session().await;
    session.hello().await;
    let refusal = Some(Refusal::new("no more").with_code(77).into());
    session.send(from_slave::Frame::Rejected(proto::Rejected { refusal }));
    expect::soon("the connection to end", connection.closed()).await;
    assert_eq!(connection.state(), ConnectionState::Failed);
    assert_eq!(connection.connected().await.unwrap_err().refusal().unwrap().code, 77);
    assert!(told.is_open() && !master.contains("it"));
    expect::ended_as(&running, TaskStatus::Lost).await;
    expect::soon("the goodbye", connection.disconnect()).await.unwrap();
    let error = expect::error(connection.new_task(1).unwrap().start().await);
    assert!(matches!(error, StartError::NotConnected { .. }), "{error}");
}

/// The slave may have run it in the session that broke, and have forgotten it since.
#[tokio::test(start_paused = true)]
async fn never_ran_is_believed_of_starts_of_this_session_only() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let start = || tokio::spawn(connection.new_task(json!(1)).unwrap().start());
    let starting = start();
    let execution = session.start().await.execution;
    session.send(from_slave::Frame::Accepted(proto::Accepted { execution, reply: None }));
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    let unanswered = start();
    session.start().await;

    drop(session);
    let mut session = slave.greeted().await;
    expect::state(&connection, ConnectionState::Connected).await;
    running.cancel("");
    let mut forbid_what_is_cancelled = async || {
        loop {
            if let from_master::Frame::Cancel(proto::Cancel { execution, .. }) =
                session.next().await
            {
                return session.send(from_slave::Frame::Forbidden(proto::Forbidden { execution }));
            }
        }
    };
    forbid_what_is_cancelled().await;
    let failure = expect::failure(&running, TaskStatus::Lost).await;
    assert_eq!(failure.ran, Ran::Unknown);

    forbid_what_is_cancelled().await;
    let error = expect::error(expect::soon("the start", unanswered).await.unwrap());
    assert_eq!((error.code(), error.ran()), ("E0113", Ran::Unknown));
    let StartError::Unknown(running) = error else { panic!("it carries the task") };
    expect::ended_as(&running, TaskStatus::Lost).await;
    assert_eq!(connection.in_flight(), 0);
}

/// A slave that acknowledges nothing makes the master keep all it ever said, up to a bound.
#[tokio::test(start_paused = true)]
async fn a_session_whose_slave_never_acknowledges_is_given_up_and_not_resumed() {
    let master = Master::builder().max_in_flight(1).build().unwrap();
    let mut slave = FakeSlave::listen();
    let dialer = slave.dialer();
    let connecting = master.connect_with("it", move || dialer.clone().dial());
    let connection = connecting.lazy().await.unwrap();
    let mut session = slave.session().await;
    session.hello().await;
    let ticket = proto::Welcome {
        session_id: vec![1; 16].into(),
        session_secret: "secret".into(),
        ..FakeSlave::welcome()
    };
    session.send(from_slave::Frame::Welcome(ticket.into()));
    let deaf = |number, frame| Batch::numbered(number, vec![FromSlave { frame: Some(frame) }]);
    let mut said = 0;
    let hello = loop {
        let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().start());
        let Some(frame) = session.next_raw().await else {
            drop(session);
            break slave.session().await.hello().await;
        };
        let Some(from_master::Frame::Start(start)) = frame.frame else { continue };
        let refused = proto::Refused { execution: start.execution, refusal: None };
        said += 1;
        session.send_raw(deaf(said, from_slave::Frame::Refused(refused)));
        expect::error(expect::soon("the refusal", starting).await.unwrap());
    };
    // It names no session, and asks what the slave still has of the former one.
    let resume = hello.resume.expect("the slave may still have what was started");
    assert!(resume.session_id.is_empty(), "after {said} starts it is of no use");
}

#[tokio::test(start_paused = true)]
async fn a_cancel_while_the_connection_is_away_is_sent_once_it_is_back() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().start());
    let execution = session.start().await.execution;
    session.send(from_slave::Frame::Accepted(proto::Accepted { execution, reply: None }));
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    drop(session);
    expect::state(&connection, ConnectionState::Unreachable).await;
    running.cancel("enough");
    let mut session = slave.greeted().await;
    let from_master::Frame::Cancel(cancel) = session.next().await else {
        panic!("a cancel follows")
    };
    assert_eq!((cancel.execution, cancel.reason.as_str()), (execution, "enough"));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_welcomes_and_breaks_is_dialled_with_longer_and_longer_pauses() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    for millis in [100, 200, 400, 800, 100] {
        let broken = tokio::time::Instant::now();
        drop(session);
        session = slave.greeted().await;
        let waited = broken.elapsed().as_millis();
        assert!((millis * 8 / 10..=millis * 12 / 10 + 1).contains(&waited), "{millis}: {waited}");
        if millis == 800 {
            // Real contact makes the pauses begin anew.
            session.send(from_slave::Frame::Draining(proto::Draining { deadline_millis: 0 }));
            expect::state(&connection, ConnectionState::Draining).await;
        }
    }
}
