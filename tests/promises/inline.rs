//! A function that is begun in place is answered with as little as tells everything.

use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use selsyn::{
    ExecutionId, Failure, FailureKind, Function, FunctionExecution, Outcome, Payload, Ran, Refusal,
    Slave, SlaveBuilder, SlaveHandle, TaskStatus, function,
};
use selsyn_common::link::batch::Batch;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave};
use selsyn_testing::{Gate, PipeDialer, expect, functions, pipe};
use selsyn_tests::raw_master::{self, RawMaster, execution};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// A slave with this function, begun in place, and a master that is welcome.
async fn slave_of(function: Function) -> (SlaveHandle, RawMaster) {
    let (dialer, listener) = pipe();
    let slave = Slave::builder().function("echo", function.inline());
    let slave = slave.incoming(listener).unwrap().spawn();
    (slave, RawMaster::welcomed(dialer).await)
}

fn start(task: u64) -> from_master::Frame {
    from_master::Frame::Start(raw_master::start(task))
}

/// The names of the frames up to the next verdict, and that verdict.
async fn course(master: &mut RawMaster) -> (Vec<&'static str>, Outcome) {
    let mut course = Vec::new();
    loop {
        match master.hears().await.expect("the session lives") {
            from_slave::Frame::Accepted(_) => course.push("accepted"),
            from_slave::Frame::Running(_) => course.push("running"),
            from_slave::Frame::Output(_) => course.push("output"),
            from_slave::Frame::Finished(finished) => {
                return (course, Outcome::try_from(finished.outcome.unwrap()).unwrap());
            }
            other => panic!("expected the course of a task, and got {other:?}"),
        }
    }
}

async fn over(slave: SlaveHandle, master: RawMaster) {
    drop(master);
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn one_that_ends_at_once_is_answered_with_its_verdict_alone() {
    let (slave, mut master) = slave_of(functions::echo()).await;
    master.say(1, start(1));
    let (course, outcome) = course(&mut master).await;
    assert_eq!((course, outcome.status), (vec![], TaskStatus::Completed));
    over(slave, master).await;
}

#[tokio::test]
async fn what_it_shows_comes_after_accepted_and_running_and_before_the_verdict() {
    let shows = function(|execution: FunctionExecution, _: Payload| async move {
        execution.info("here");
        assert!(FunctionExecution::current().is_some());
        execution.progress(0.5)?;
        Ok::<_, Failure>(())
    });
    let (slave, mut master) = slave_of(shows).await;
    master.say(1, start(1));
    let (course, outcome) = course(&mut master).await;
    assert_eq!(course, ["accepted", "running", "output", "output"]);
    assert_eq!(outcome.status, TaskStatus::Completed);
    over(slave, master).await;
}

#[tokio::test]
async fn one_that_pauses_is_said_to_run_and_can_be_stopped() {
    let (slave, mut master) = slave_of(functions::wait_for_abort()).await;
    master.say(1, start(1));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Running(_))));
    let cancel = proto::Cancel { execution: Some(execution(1)), reason: String::new() };
    master.say(2, from_master::Frame::Cancel(cancel));
    let (course, outcome) = course(&mut master).await;
    assert_eq!((course, outcome.status), (vec![], TaskStatus::Aborted));
    over(slave, master).await;
}

#[tokio::test]
async fn one_that_pauses_goes_on_where_it_was() {
    let gate = Gate::closed();
    let (slave, mut master) = slave_of(functions::wait_for(gate.clone())).await;
    master.say(1, start(1));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Running(_))));
    gate.open();
    let (course, outcome) = course(&mut master).await;
    assert_eq!((course, outcome.status), (vec![], TaskStatus::Completed));
    over(slave, master).await;
}

#[tokio::test]
async fn a_panic_and_arguments_that_cannot_be_read_fail_their_task_and_no_other() {
    let fails = function(|_: FunctionExecution, number: u64| async move {
        assert!(number != 1, "one is too few");
        Ok::<_, Failure>(number)
    });
    let (slave, mut master) = slave_of(fails).await;
    let data = |data: &'static str| {
        let kind = proto::PayloadKind::Json.into();
        Some(proto::Payload { kind, data: data.into(), size: 0 })
    };
    let start = |task, text| {
        let start = proto::Start { data: data(text), ..raw_master::start(task) };
        from_master::Frame::Start(start)
    };
    master.say(1, start(1, "1"));
    let failure = course(&mut master).await.1.result.unwrap_err();
    assert_eq!((failure.kind, failure.ran), (FailureKind::Panicked, Ran::Yes));
    master.say(2, start(2, "\"text\""));
    let failure = course(&mut master).await.1.result.unwrap_err();
    assert_eq!((failure.kind, failure.ran), (FailureKind::Encode, Ran::No));
    master.say(3, start(3, "3"));
    assert_eq!(course(&mut master).await.1.status, TaskStatus::Completed);
    over(slave, master).await;
}

#[tokio::test]
async fn a_batch_is_answered_in_order_each_task_once() {
    let (slave, mut master) = slave_of(functions::echo()).await;
    let starts = (1..=256).map(|task| FromMaster { frame: Some(start(task)) }).collect();
    master.send(Batch::numbered(1, starts));
    for task in 1..=256 {
        let Some(from_slave::Frame::Finished(finished)) = master.hears().await else {
            panic!("the verdict of {task}")
        };
        assert_eq!(finished.execution, Some(execution(task)));
    }
    over(slave, master).await;
}

#[tokio::test]
async fn one_that_holds_up_the_network_is_begun_elsewhere_from_then_on() {
    let slow = function(|_: FunctionExecution, _: Payload| async move {
        thread::sleep(Duration::from_millis(5));
        Ok::<_, Failure>(())
    });
    let (slave, mut master) = slave_of(slow).await;
    for task in 1..=3 {
        master.say(task, start(task));
        assert_eq!(course(&mut master).await.0, Vec::<&str>::new(), "{task} is begun in place");
    }
    master.say(4, start(4));
    assert_eq!(course(&mut master).await.0, ["accepted", "running"]);
    over(slave, master).await;
}

fn taken(task: u64) -> from_master::Frame {
    let executions = vec![execution(task)];
    from_master::Frame::ResultsTaken(proto::ResultsTaken { executions })
}

#[tokio::test]
async fn a_run_has_nothing_of_one_whose_result_was_taken_before() {
    let tells = function(|execution: FunctionExecution, _: Payload| async move {
        execution.info("the first");
        Ok::<_, Failure>((execution.parent().is_some(), execution.is_aborted()))
    });
    let (slave, mut master) = slave_of(tells).await;
    let lineage = proto::Lineage { parent: Some(execution(9)), trace_high: 0, trace_low: 9 };
    let particulars = proto::Particulars { lineage: Some(lineage), labels: Vec::new() };
    let child = proto::Start { particulars: Some(Box::new(particulars)), ..raw_master::start(1) };
    master.say(1, from_master::Frame::Start(child));
    let first = course(&mut master).await;
    assert_eq!(first.1.value().unwrap().to_string(), "[true,false]");
    master.say(2, taken(1));
    master.say(3, start(2));
    let second = course(&mut master).await;
    assert_eq!(second.1.value().unwrap().to_string(), "[false,false]");
    assert_eq!(second.0, first.0, "its course is told, and its outputs are counted, anew");
    over(slave, master).await;
}

#[tokio::test]
async fn a_handle_that_outlives_its_run_goes_on_naming_it() {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeper = Arc::clone(&kept);
    let keeps = function(move |execution: FunctionExecution, _: Payload| {
        keeper.lock().unwrap().push(execution);
        async { Ok::<_, Failure>(()) }
    });
    let (slave, mut master) = slave_of(keeps).await;
    for task in 1..=2 {
        master.say(2 * task - 1, start(task));
        course(&mut master).await;
        master.say(2 * task, taken(task));
    }
    let ids: Vec<_> = kept.lock().unwrap().iter().map(FunctionExecution::id).collect();
    assert_eq!(ids, [execution(1), execution(2)].map(ExecutionId::from));
    over(slave, master).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_has_ended_is_told_while_a_long_batch_goes_on() {
    let (go_on, goes_on) = mpsc::channel();
    let goes_on = Mutex::new(goes_on);
    let slow = function(move |execution: FunctionExecution, _: Payload| {
        thread::sleep(Duration::from_micros(1_100));
        if execution.task_id().halves().1 == 2 {
            goes_on.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
        }
        async { Ok::<_, Failure>(()) }
    });
    let (slave, mut master) = slave_of(slow).await;
    let starts = (1..=2).map(|task| FromMaster { frame: Some(start(task)) }).collect();
    master.send(Batch::numbered(1, starts));
    assert_eq!(course(&mut master).await.1.status, TaskStatus::Completed);
    go_on.send(()).unwrap();
    assert_eq!(course(&mut master).await.1.status, TaskStatus::Completed);
    over(slave, master).await;
}

/// A slave with one slot, whose third run of a batch stands still; the order in which runs begin;
/// and what lets the third go on.
struct Stopped {
    slave: SlaveHandle,
    dialer: PipeDialer,
    master: RawMaster,
    order: Arc<Mutex<Vec<u64>>>,
    go_on: mpsc::Sender<()>,
}

/// Sends a batch of five and waits until the third stands still.
async fn stopped_at_the_third_of_five() -> Stopped {
    stopped(|slave| slave, None).await
}

/// As that, by a slave with further settings, and once something said before has come to this.
async fn stopped(
    set: impl FnOnce(SlaveBuilder) -> SlaveBuilder,
    before: Option<(from_master::Frame, UnboundedReceiver<()>)>,
) -> Stopped {
    let order = Arc::new(Mutex::new(Vec::new()));
    let ((stands, mut stood), (go_on, goes_on)) = (unbounded_channel(), mpsc::channel());
    let (log, goes_on) = (Arc::clone(&order), Mutex::new(goes_on));
    let third_stops = function(move |execution: FunctionExecution, _: Payload| {
        let task = execution.id().task.halves().1;
        log.lock().unwrap().push(task);
        if task == 3 {
            stands.send(()).unwrap();
            goes_on.lock().unwrap().recv_timeout(Duration::from_secs(10)).unwrap();
        }
        async { Ok::<_, Failure>(()) }
    });
    let (dialer, listener) = pipe();
    let slave = Slave::builder().slots(1).function("echo", third_stops.inline());
    let slave = set(slave).incoming(listener).unwrap().spawn();
    let master = RawMaster::welcomed(dialer.clone()).await;
    let mut number = 1;
    if let Some((frame, mut came_to)) = before {
        master.say(number, frame);
        expect::soon("what was said before", came_to.recv()).await.unwrap();
        number += 1;
    }
    let starts = (1..=5).map(|task| FromMaster { frame: Some(start(task)) }).collect();
    master.send(Batch::numbered(number, starts));
    expect::soon("the third run", stood.recv()).await.unwrap();
    Stopped { slave, dialer, master, order, go_on }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn who_waits_for_a_slot_has_it_before_what_comes_later_in_a_batch() {
    let mut stopped = stopped_at_the_third_of_five().await;
    let mut other = RawMaster::connect(stopped.dialer.clone()).await;
    let hello = proto::Hello { master_id: vec![3; 16].into(), ..raw_master::hello() };
    other.say(0, from_master::Frame::Hello(hello.into()));
    assert!(matches!(other.hears().await, Some(from_slave::Frame::Welcome(_))));
    other.say(1, start(11));
    let heard = other.hears().await;
    assert!(matches!(heard, Some(from_slave::Frame::Accepted(_))), "it waits: {heard:?}");
    stopped.go_on.send(()).unwrap();
    for _ in 1..=5 {
        assert_eq!(course(&mut stopped.master).await.1.status, TaskStatus::Completed);
    }
    assert_eq!(course(&mut other).await.1.status, TaskStatus::Completed);
    assert_eq!(*stopped.order.lock().unwrap(), [1, 2, 3, 11, 4, 5]);
    drop(other);
    over(stopped.slave, stopped.master).await;
}

/// Each by its name, or by the end of the stream in good order: that says so of all that were not
/// answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_drain_refuses_what_comes_later_in_a_batch() {
    let Stopped { slave, mut master, order, go_on, .. } = stopped_at_the_third_of_five().await;
    let drained = tokio::spawn(slave.drain(Duration::from_secs(10)));
    let (mut finished, mut refused) = (0, 0);
    while let Some(FromSlave { frame }) = master.next().await.expect("the stream does not break") {
        match frame.unwrap() {
            from_slave::Frame::Draining(_) => go_on.send(()).unwrap(),
            from_slave::Frame::Finished(_) => finished += 1,
            from_slave::Frame::Refused(_) => refused += 1,
            from_slave::Frame::Heartbeat(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(finished, 3);
    assert!(refused <= 2, "{refused} were refused");
    assert_eq!(*order.lock().unwrap(), [1, 2, 3]);
    drop(master);
    expect::soon("the drain", drained).await.unwrap().unwrap();
}

/// The tasks whose verdicts come up to a frame of this kind, or to the end of the stream; and whether
/// such a frame came. Verdicts that are held back are told in no order.
async fn ended_before(
    master: &mut RawMaster,
    is_last: impl Fn(&from_slave::Frame) -> bool,
) -> (Vec<u64>, bool) {
    let (mut ended, mut is_seen) = (Vec::new(), false);
    while !is_seen && let Some(frame) = master.hears().await {
        if let from_slave::Frame::Finished(finished) = &frame {
            ended.push(finished.execution.unwrap().task_low);
        }
        is_seen = is_last(&frame);
    }
    ended.sort_unstable();
    (ended, is_seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_goodbye_is_answered_after_the_verdict_of_each_run_also_beside_one_that_never_yields() {
    let (gate, (asks, asked)) = (Gate::closed(), unbounded_channel());
    let held = gate.clone();
    let set = |slave: SlaveBuilder| {
        slave.abort_grace(Duration::ZERO).before_disconnection_async(move |_| {
            asks.send(()).unwrap();
            let held = held.clone();
            async move {
                held.opened().await;
                Ok::<_, Refusal>(())
            }
        })
    };
    let goodbye = from_master::Frame::Goodbye(proto::Goodbye::default());
    let mut stopped = stopped(set, Some((goodbye, asked))).await;
    gate.open();
    let is_answer = |frame: &_| matches!(frame, from_slave::Frame::GoodbyeAccepted(_));
    assert_eq!(ended_before(&mut stopped.master, is_answer).await, (vec![1, 2, 3], true));
    stopped.go_on.send(()).unwrap();
    over(stopped.slave, stopped.master).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_slave_that_stops_tells_the_verdict_of_each_run_also_beside_one_that_never_yields() {
    let at_once = |slave: SlaveBuilder| slave.abort_grace(Duration::ZERO);
    let Stopped { slave, mut master, go_on, .. } = stopped(at_once, None).await;
    let stopping = tokio::spawn(slave.drain(Duration::ZERO));
    assert_eq!(ended_before(&mut master, |_| false).await, (vec![1, 2, 3], false));
    go_on.send(()).unwrap();
    drop(master);
    expect::soon("the drain", stopping).await.unwrap().unwrap();
}
