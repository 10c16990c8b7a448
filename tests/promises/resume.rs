//! A session outlives its stream: what was not heard is said again, to its master and nobody else.

use std::time::Duration;

use selsyn::{
    ConnectionState, Master, MasterId, OnMasterLost, Outcome, Slave, SlaveBuilder, SlaveHandle,
    TaskStatus,
};
use selsyn_common::proto::{self, from_master, from_slave};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, PipeDialer, expect, functions, pipe};
use selsyn_tests::FakeSlave;
use selsyn_tests::raw_master::{self, RawMaster, execution, hello};
use serde_json::json;

/// A slave with `wait` behind a gate and `wait_for_abort`, and the count of lost connections.
fn slave(
    gate: &Gate,
    more: impl FnOnce(SlaveBuilder) -> SlaveBuilder,
) -> (PipeDialer, SlaveHandle, Counter) {
    let (dialer, listener) = pipe();
    let lost = Counter::default();
    let told = lost.clone();
    let builder = Slave::builder()
        .function("wait", functions::wait_for(gate.clone()))
        .function("wait_for_abort", functions::wait_for_abort())
        .lost_connection(move |_| {
            told.count();
        });
    (dialer, more(builder).incoming(listener).unwrap().spawn(), lost)
}

fn open() -> Gate {
    let gate = Gate::closed();
    gate.open();
    gate
}

fn start(task: u64, function: &str) -> from_master::Frame {
    let function = function.to_owned();
    from_master::Frame::Start(proto::Start { function, ..raw_master::start(task) })
}

/// Opens a stream with this Hello; gives what the slave says first.
async fn greets(dialer: &PipeDialer, hello: proto::Hello) -> (RawMaster, from_slave::Frame) {
    let mut master = RawMaster::connect(dialer.clone()).await;
    master.say(0, from_master::Frame::Hello(hello.into()));
    let first = master.hears().await.expect("the slave answers Hello");
    (master, first)
}

async fn welcomed(dialer: &PipeDialer, hello: proto::Hello) -> (RawMaster, proto::Welcome) {
    match greets(dialer, hello).await {
        (master, from_slave::Frame::Welcome(welcome)) => (master, *welcome),
        (_, other) => panic!("expected Welcome, and got {other:?}"),
    }
}

fn resuming(welcome: &proto::Welcome, received: u64) -> proto::Hello {
    let resume = proto::Resume {
        session_id: welcome.session_id.clone(),
        session_secret: welcome.session_secret.clone(),
        received,
    };
    proto::Hello { resume: Some(resume), ..hello() }
}

fn is_finished(frame: &from_slave::Frame, task: u64, status: TaskStatus) -> bool {
    let from_slave::Frame::Finished(finished) = frame else { return false };
    let outcome = Outcome::try_from(finished.outcome.clone().unwrap()).unwrap();
    (finished.execution, outcome.status) == (Some(execution(task)), status)
}

#[tokio::test]
async fn a_resumed_session_says_again_what_was_not_heard_and_nothing_else() {
    let gate = Gate::closed();
    let (dialer, slave, lost) = slave(&gate, |slave| slave);
    let (mut master, welcome) = welcomed(&dialer, hello()).await;
    assert!(!welcome.resumed && !welcome.session_secret.is_empty());
    master.say(1, start(1, "wait"));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Running(_))));
    drop(master);
    gate.open();
    expect::eventually("the run to end", || slave.running() == 0).await;

    // Accepted had the number 1, Running 2: the master has heard of the first only.
    let (mut master, again) = welcomed(&dialer, resuming(&welcome, 1)).await;
    assert_eq!((again.resumed, again.received), (true, 1));
    assert_eq!(again.session_id, welcome.session_id);
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Running(_))));
    let end = master.hears().await.unwrap();
    assert!(is_finished(&end, 1, TaskStatus::Completed), "{end:?}");
    // What the slave has received is dropped when it comes again.
    master.say(1, start(1, "wait"));
    master.say(2, start(2, "wait"));
    let next = master.hears().await.unwrap();
    let from_slave::Frame::Accepted(accepted) = next else { panic!("{next:?}") };
    assert_eq!(accepted.execution, Some(execution(2)));
    assert_eq!(lost.runs(), 0);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn nobody_resumes_a_session_without_its_secret() {
    let (dialer, slave, _) = slave(&open(), |slave| slave);
    let (first, welcome) = welcomed(&dialer, hello()).await;
    drop(first);
    let mut guessed = resuming(&welcome, 0);
    guessed.resume.as_mut().unwrap().session_secret = vec![b'0'; 64].into();
    let mut other = resuming(&welcome, 0);
    other.master_id = vec![9; 16].into();
    for stranger in [guessed, other] {
        let (_master, again) = welcomed(&dialer, stranger).await;
        assert!(!again.resumed);
        assert_ne!(again.session_id, welcome.session_id);
    }
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_resumes_takes_over_from_one_that_was_not_noticed_to_be_gone() {
    let (dialer, slave, lost) = slave(&Gate::closed(), |slave| slave);
    let (mut former, welcome) = welcomed(&dialer, hello()).await;
    let (mut master, again) = welcomed(&dialer, resuming(&welcome, 0)).await;
    assert!(again.resumed);
    assert_eq!(former.hears().await, None, "the former stream has ended");
    master.say(1, start(1, "wait"));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    assert_eq!(lost.runs(), 0);
    slave.shutdown().await.unwrap();
}

/// As when the network brings one Hello twice: whichever session the master is tied to, it hears
/// what became of its tasks.
#[tokio::test]
async fn a_second_session_under_one_name_takes_over_what_the_first_one_holds() {
    let gate = Gate::closed();
    let (dialer, slave, lost) = slave(&gate, |slave| slave);
    let (mut former, _) = welcomed(&dialer, hello()).await;
    former.say(1, start(1, "wait"));
    for _ in 0..2 {
        former.hears().await.unwrap();
    }
    let (mut master, again) = welcomed(&dialer, hello()).await;
    assert!(!again.resumed);
    assert_eq!(former.hears().await, None, "the former stream has ended");
    master.say(1, start(1, "wait"));
    gate.open();
    let mut accepted = 0;
    let end = loop {
        match master.hears().await.unwrap() {
            from_slave::Frame::Accepted(_) => accepted += 1,
            frame => break frame,
        }
    };
    assert!(accepted > 0 && is_finished(&end, 1, TaskStatus::Completed), "{end:?}");
    assert_eq!(lost.runs(), 0, "the master is here");
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_hello_that_comes_twice_or_too_late_disturbs_nobody() {
    let (dialer, slave, _) = slave(&open(), |slave| slave);
    let dial = |hello: proto::Hello, dial| proto::Hello { dial, ..hello };
    let (mut master, welcome) = welcomed(&dialer, dial(hello(), 2)).await;
    for stale in [dial(hello(), 2), dial(hello(), 1), dial(resuming(&welcome, 0), 2)] {
        let (_, first) = greets(&dialer, stale).await;
        let from_slave::Frame::Rejected(rejected) = first else { panic!("{first:?}") };
        assert_eq!(rejected.refusal.unwrap().code, "E0221");
    }
    master.say(1, start(1, "wait"));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    drop(master);
    let (_master, again) = welcomed(&dialer, dial(resuming(&welcome, 1), 3)).await;
    assert!(again.resumed);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_new_life_of_a_master_fences_the_former_one() {
    let (dialer, slave, _) = slave(&Gate::closed(), |slave| slave);
    let (mut former, welcome) = welcomed(&dialer, hello()).await;
    let newer = proto::Hello { incarnation: vec![3; 16].into(), ..hello() };
    let (_newer, _) = welcomed(&dialer, newer).await;
    assert!(matches!(former.hears().await, Some(from_slave::Frame::Fenced(_))));
    let (_, first) = greets(&dialer, resuming(&welcome, 0)).await;
    let from_slave::Frame::Rejected(rejected) = first else { panic!("{first:?}") };
    assert_eq!(rejected.refusal.unwrap().code, "E0220");
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_master_that_was_fenced_is_told_and_never_dials_again() {
    let (dialer, slave, _) = slave(&Gate::closed(), |slave| slave);
    let id = MasterId::from_random([7; 16]);
    let [former, newer] = [0, 1].map(|_| Master::builder().id(id).build().unwrap());
    let connect = |master: &Master| {
        let dialer = dialer.clone();
        master.connect_with("it", move || dialer.clone().dial())
    };
    let first = connect(&former).await.unwrap();
    let running = first.new_task(json!(1)).unwrap().function("wait").start().await.unwrap();
    let second = connect(&newer).await.unwrap();
    expect::soon("the former to end", first.closed()).await;
    assert_eq!(first.state(), ConnectionState::Failed);
    assert_eq!(first.connected().await.unwrap_err().code(), "E0220");
    expect::ended_as(&running, TaskStatus::Lost).await;
    assert!(second.is_connected());
    newer.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_session_is_kept_for_its_window_and_its_results_for_longer() {
    let gate = Gate::closed();
    let (dialer, slave, lost) = slave(&gate, |slave| slave);
    let brief = || proto::Hello { resume_window_millis: 100, ..hello() };
    let (mut master, welcome) = welcomed(&dialer, brief()).await;
    master.say(1, start(1, "wait"));
    master.say(2, start(2, "wait_for_abort"));
    for _ in 0..4 {
        master.hears().await.unwrap();
    }
    drop(master);
    expect::eventually("the window to end", || lost.runs() == 1).await;
    gate.open();
    expect::eventually("the first to end", || slave.running() == 1).await;

    let (mut master, again) =
        welcomed(&dialer, proto::Hello { resume: resuming(&welcome, 4).resume, ..brief() }).await;
    assert!(!again.resumed, "its window is over");
    let Some(from_slave::Frame::Adopted(adopted)) = master.hears().await else {
        panic!("it is told what is still known")
    };
    assert!(adopted.last);
    let mut tasks: Vec<_> = adopted.executions.iter().map(|id| id.task_low).collect();
    tasks.sort_unstable();
    assert_eq!(tasks, [1, 2]);
    let mut ends = 0;
    let mut accepted = 0;
    while ends < 1 || accepted < 2 {
        match master.hears().await.unwrap() {
            from_slave::Frame::Accepted(_) => accepted += 1,
            frame => ends += usize::from(is_finished(&frame, 1, TaskStatus::Completed)),
        }
    }
    // What still runs belongs to the new session from here on.
    let cancel = proto::Cancel { execution: Some(execution(2)), reason: String::new() };
    master.say(1, from_master::Frame::Cancel(cancel));
    let end = master.hears().await.unwrap();
    assert!(is_finished(&end, 2, TaskStatus::Aborted), "{end:?}");
    assert_eq!(lost.runs(), 1);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn results_that_nobody_takes_are_forgotten_when_patience_ends() {
    // Nor is it kept for those who want to look at it.
    let (dialer, slave, lost) = slave(&open(), |slave| {
        slave.owner_patience(Duration::from_millis(50)).retention(Duration::ZERO, 0, 0)
    });
    let (mut master, _) = welcomed(&dialer, hello()).await;
    master.say(1, start(1, "wait"));
    for _ in 0..3 {
        master.hears().await.unwrap();
    }
    drop(master);
    expect::eventually("the session to end", || lost.runs() == 1).await;
    let forgotten = async {
        loop {
            // One of the same name would be given the result.
            let other = proto::Hello { connection: "other".to_owned(), ..hello() };
            let (mut master, _) = welcomed(&dialer, other).await;
            // Unknown ids are forbidden; ids that are known answer with their verdict.
            let cancel = proto::Cancel { execution: Some(execution(1)), reason: String::new() };
            master.say(1, from_master::Frame::Cancel(cancel));
            master.say(2, start(1, "wait"));
            if matches!(master.hears().await, Some(from_slave::Frame::Forbidden(_))) {
                return;
            }
        }
    };
    expect::soon("the result to be forgotten", forgotten).await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn where_the_policy_says_so_a_lost_master_stops_its_executions() {
    let (dialer, slave, lost) = slave(&Gate::closed(), |slave| {
        slave.on_master_lost(OnMasterLost::AbortAfter(Duration::from_millis(50)))
    });
    let (mut master, welcome) = welcomed(&dialer, hello()).await;
    master.say(1, start(1, "wait_for_abort"));
    for _ in 0..2 {
        master.hears().await.unwrap();
    }
    drop(master);
    expect::eventually("the run to be stopped", || slave.running() == 0).await;
    let (mut master, again) = welcomed(&dialer, resuming(&welcome, 2)).await;
    assert!(again.resumed, "the session outlives what ran in it");
    let from_slave::Frame::Finished(end) = master.hears().await.unwrap() else {
        panic!("a verdict follows")
    };
    let outcome = Outcome::try_from(end.outcome.unwrap()).unwrap();
    assert_eq!(outcome.status, TaskStatus::Aborted);
    assert!(outcome.failure().unwrap().message.contains("contact with the master"));
    assert_eq!(lost.runs(), 0);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_master_that_detaches_is_not_waited_for() {
    let (dialer, slave, lost) = slave(&Gate::closed(), |slave| slave);
    let (mut master, welcome) = welcomed(&dialer, hello()).await;
    master.say(1, from_master::Frame::Detach(proto::Detach {}));
    assert_eq!(master.hears().await, None);
    expect::eventually("the hook to be told", || lost.runs() == 1).await;
    let (_master, again) = welcomed(&dialer, resuming(&welcome, 0)).await;
    assert!(!again.resumed);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn the_hold_on_an_exclusive_slave_ends_with_the_tolerance() {
    let tolerance = Duration::from_secs(1);
    let (dialer, slave, _) = slave(&Gate::closed(), |slave| {
        slave.exclusive().heartbeat_every(tolerance / 4).heartbeat_tolerance(tolerance)
    });
    // The hold counts from the last frame, which is Hello.
    let heard = tokio::time::Instant::now();
    drop(welcomed(&dialer, hello()).await);
    let other = || proto::Hello { master_id: vec![9; 16].into(), ..hello() };
    let let_in = async {
        let mut refused = 0;
        loop {
            match greets(&dialer, other()).await {
                (_, from_slave::Frame::Welcome(_)) => return refused,
                (_, from_slave::Frame::Rejected(rejected)) => {
                    assert_eq!(rejected.refusal.unwrap().number, 501);
                    refused += 1;
                }
                (_, frame) => panic!("{frame:?}"),
            }
            tokio::time::sleep(tolerance / 20).await;
        }
    };
    assert!(expect::soon("the hold to end", let_in).await > 0);
    assert!(heard.elapsed() >= tolerance);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_connection_tells_its_states_in_order_and_ends_with_its_last() {
    let (dialer, slave, _) = slave(&Gate::closed(), |slave| slave);
    let master = Master::new().unwrap();
    let dial = dialer.clone();
    let connection = master.connect_with("it", move || dial.clone().dial()).await.unwrap();
    let mut events = connection.events();
    dialer.cut();
    use ConnectionState::{Closed, Connected, Unreachable};
    for state in [Connected, Unreachable, Connected] {
        assert_eq!(expect::soon("a state", events.next()).await, Some(state));
    }
    connection.disconnect().await.unwrap();
    assert_eq!(expect::soon("the last", events.next()).await, Some(Closed));
    assert_eq!(events.next().await, None);
    slave.shutdown().await.unwrap();
}

/// With a window without end nothing but the slave's word can end such a task.
#[tokio::test(start_paused = true)]
async fn what_a_slave_has_forgotten_since_the_session_broke_is_lost_and_the_rest_goes_on() {
    let master = Master::builder().resume_window(None).build().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let mut started = Vec::new();
    for _ in 0..2 {
        let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().start());
        let execution = session.start().await.execution;
        session.send(from_slave::Frame::Accepted(proto::Accepted { execution, reply: None }));
        started.push((execution, expect::soon("the start", starting).await.unwrap().unwrap()));
    }
    drop(session);
    let mut session = slave.greeted().await;
    let (kept, forgotten) = (&started[0], &started[1]);
    let executions = vec![kept.0.unwrap()];
    session.send(from_slave::Frame::Adopted(proto::Adopted { executions, last: true }));
    let failure = expect::failure(&forgotten.1, TaskStatus::Lost).await;
    assert!(failure.message.contains("forgotten"), "{failure}");
    let outcome = Some(Outcome::completed(selsyn::Payload::null()).into());
    session.send(from_slave::Frame::Finished(proto::Finished { execution: kept.0, outcome }));
    expect::completed(&kept.1).await;
}

#[tokio::test]
async fn a_drain_waits_for_a_master_that_is_away_to_hear_its_results() {
    let gate = Gate::closed();
    let (dialer, slave, _) = slave(&gate, |slave| slave);
    let (mut master, welcome) = welcomed(&dialer, hello()).await;
    master.say(1, start(1, "wait"));
    for _ in 0..2 {
        master.hears().await.unwrap();
    }
    drop(master);
    gate.open();
    expect::eventually("the run to end", || slave.running() == 0).await;
    let drained = tokio::spawn(slave.drain(Duration::from_secs(30)));
    let (mut master, again) = welcomed(&dialer, resuming(&welcome, 2)).await;
    assert!(again.resumed, "a draining slave lets its own masters come back");
    let mut is_told = false;
    while !is_told {
        let frame = master.hears().await.expect("the result comes before the end");
        is_told = is_finished(&frame, 1, TaskStatus::Completed);
    }
    expect::soon("the drain", drained).await.unwrap().unwrap();
}
