//! What an execution shows is kept in order, for as long and as much as was said, and no more.

use std::time::Duration;

use selsyn::{
    Control, ControlError, Events, ExecutionEvent, ExecutionId, Failure, FunctionExecution,
    Happened, OutputContent, Phase, SlaveBuilder, TaskEvent, TaskId, TaskStatus, WaitMonitor,
    Watch, function,
};
use selsyn_common::link::batch::Batch;
use selsyn_common::proto::{self, FromMaster, from_master, from_slave};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use selsyn_tests::raw_master::{self, RawMaster};
use serde_json::json;
use tokio::runtime::Handle;

/// A cluster of one slave, which has `lines`: it logs so many lines once its gate is open.
async fn cluster(
    gate: &Gate,
    configure: impl Fn(SlaveBuilder) -> SlaveBuilder + Send + 'static,
) -> TestCluster {
    let gate = gate.clone();
    let lines = move |execution: FunctionExecution, lines: u32| {
        let gate = gate.clone();
        async move {
            gate.opened().await;
            for line in 0..lines {
                execution.info(line);
                if line % 1_024 == 0 {
                    tokio::task::yield_now().await;
                }
            }
            Ok::<_, Failure>(lines)
        }
    };
    let configure = move |_, slave: SlaveBuilder| configure(slave).function("lines", lines.clone());
    TestCluster::builder(1).slaves(configure).start().await.unwrap()
}

fn opened() -> Gate {
    let gate = Gate::closed();
    gate.open();
    gate
}

/// Asks until it holds: each question is a call, so that it is no empty loop.
async fn eventually(what: &str, check: impl AsyncFn() -> bool) {
    expect::soon(what, async { while !check().await {} }).await;
}

async fn next(watch: &mut Watch) -> ExecutionEvent {
    expect::soon("an event", watch.next()).await.expect("there is one more").unwrap()
}

/// Everything from here on.
async fn rest(watch: &mut Watch) -> Vec<ExecutionEvent> {
    let mut events = Vec::new();
    while let Some(event) = expect::soon("an event", watch.next()).await {
        events.push(event.unwrap());
    }
    events
}

/// In short: what happened, and its number.
fn told(event: &ExecutionEvent) -> String {
    let what = match &event.what {
        Happened::Accepted => "accepted".to_owned(),
        Happened::Running => "running".to_owned(),
        Happened::Stopping(why) => format!("stopping: {why}"),
        Happened::Output(output) => match &output.content {
            OutputContent::Log(line) => format!("line {}", line.content),
            other => other.kind().to_owned(),
        },
        Happened::Ended(outcome) => format!("ended {}", outcome.status),
        Happened::Gap(count) => format!("gap of {count}"),
        other => format!("{other:?}"),
    };
    format!("{} {what}", event.seq)
}

fn all_told(events: &[ExecutionEvent]) -> Vec<String> {
    events.iter().map(told).collect()
}

/// The numbers of the lines among some events, which must follow each other.
struct Lines {
    next: u64,
    lines: u64,
    missed: u64,
}

impl Lines {
    fn of(events: &[ExecutionEvent]) -> Self {
        let mut seen = Self { next: events[0].seq, lines: 0, missed: 0 };
        for event in events {
            assert_eq!(event.seq, seen.next, "after {} lines", seen.lines);
            seen.next = event.next_seq();
            match &event.what {
                Happened::Output(output) => {
                    assert_eq!(output.seq, seen.lines + seen.missed + 1);
                    seen.lines += 1;
                }
                Happened::Gap(count) => seen.missed += count,
                _ => {}
            }
        }
        seen
    }
}

#[tokio::test]
async fn whoever_comes_late_is_told_the_whole_life_in_order() {
    let gate = opened();
    let cluster = cluster(&gate, |slave| slave).await;
    let task = cluster.connection(0).new_task(json!(2)).unwrap().function("lines");
    let running = task.start().await.unwrap();
    expect::completed(&running).await;
    let control = cluster.connection(0).executions();
    let events = rest(&mut control.watch(running.execution_id(), 0)).await;
    let expected = ["1 accepted", "2 running", "3 line 0", "4 line 1", "5 ended COMPLETED"];
    assert_eq!(all_told(&events), expected);
    let times: Vec<_> = events.iter().map(|event| event.at).collect();
    assert!(times.is_sorted(), "{times:?}");
    let info = control.get(running.execution_id()).await.unwrap();
    assert_eq!((info.phase, info.status, info.next_seq), (Phase::Ended, TaskStatus::Completed, 6));
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_that_goes_on_from_a_number_misses_nothing_and_repeats_nothing() {
    let gate = opened();
    let cluster = cluster(&gate, |slave| slave).await;
    let control = cluster.connection(0).executions();
    let started = control.start("lines", 500).unwrap().await.unwrap();
    let whole = rest(&mut control.watch(started.id(), 1)).await;
    assert_eq!(whole.len(), 503);
    for at in [1, 2, 3, 250, 502, 503] {
        let mut watch = control.watch(started.id(), at);
        assert_eq!(rest(&mut watch).await, whole[at as usize - 1..]);
    }
    // Beyond the end there is nothing.
    assert_eq!(rest(&mut control.watch(started.id(), 504)).await, []);
    cluster.stop().await;
}

#[tokio::test]
async fn what_happens_is_told_as_it_happens() {
    let gate = Gate::closed();
    let cluster = cluster(&gate, |slave| slave.slots(1)).await;
    let control = cluster.connection(0).executions();
    let first = control.start("wait_for_abort", ()).unwrap().await.unwrap();
    let second = control.start("lines", 1).unwrap().await.unwrap();
    let (mut one, mut two) = (control.watch(first.id(), 1), control.watch(second.id(), 1));
    assert_eq!(told(&next(&mut one).await), "1 accepted");
    assert_eq!(told(&next(&mut one).await), "2 running");
    assert_eq!(told(&next(&mut two).await), "1 accepted");
    control.stop(first.id(), "make room").await.unwrap();
    assert_eq!(told(&next(&mut one).await), "3 stopping: stopped from outside: make room");
    assert_eq!(told(&next(&mut one).await), "4 ended ABORTED");
    assert!(one.next().await.is_none());
    assert_eq!(told(&next(&mut two).await), "2 running");
    gate.open();
    assert_eq!(all_told(&rest(&mut two).await), ["3 line 0", "4 ended COMPLETED"]);
    cluster.stop().await;
}

#[tokio::test]
async fn an_execution_that_was_stopped_before_it_ran_has_two_events() {
    let gate = Gate::closed();
    let cluster = cluster(&gate, |slave| slave.slots(1)).await;
    let control = cluster.connection(0).executions();
    let first = control.start("lines", 0).unwrap().await.unwrap();
    let second = control.start("lines", 0).unwrap().await.unwrap();
    assert_eq!(control.get(second.id()).await.unwrap().phase, Phase::Waiting);
    control.stop(second.id(), "").await.unwrap();
    let events = rest(&mut control.watch(second.id(), 1)).await;
    assert_eq!(all_told(&events), ["1 accepted", "2 ended ABORTED"]);
    gate.open();
    control.wait_for_completion(first.id(), Some(expect::LIMIT)).await.unwrap();
    cluster.stop().await;
}

#[tokio::test]
async fn a_short_inline_execution_goes_with_its_result_and_is_told_apart_from_none() {
    let echo = function(|_: FunctionExecution, n: u32| async move { Ok::<_, Failure>(n) });
    let gate = Gate::closed();
    let inline = echo.inline();
    let cluster = cluster(&gate, move |slave| slave.function("inline", inline.clone())).await;
    let task = cluster.connection(0).new_task(json!(1)).unwrap().function("inline");
    let running = task.start().await.unwrap();
    expect::completed(&running).await;
    let control = cluster.connection(0).executions();
    let id = running.execution_id();
    eventually("the result to be taken", async || {
        matches!(control.get(id).await, Err(ControlError::Expired { .. }))
    })
    .await;
    let error = control.watch(id, 1).next().await.unwrap().unwrap_err();
    assert_eq!(error.code(), "E0302");
    // Without a session it is kept, and its few events are told from what is known of it.
    let kept = control.start("inline", 7).unwrap().await.unwrap();
    assert_eq!(kept.info().await.unwrap().phase, Phase::Ended);
    let events = rest(&mut control.watch(kept.id(), 1)).await;
    assert_eq!(all_told(&events), ["1 accepted", "2 running", "3 ended COMPLETED"]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_line_that_no_frame_carries_is_kept_as_it_is_sent() {
    let long = |execution: FunctionExecution, bytes: usize| async move {
        execution.info("x".repeat(bytes));
        Ok::<_, Failure>(())
    };
    let cluster = cluster(&opened(), move |slave| slave.function("long", long)).await;
    let control = cluster.connection(0).executions();
    let started = control.start("long", 3 << 20).unwrap().await.unwrap();
    let events = rest(&mut control.watch(started.id(), 3)).await;
    let Happened::Output(output) = &events[0].what else { panic!("{:?}", events[0].seq) };
    let OutputContent::Log(line) = &output.content else { panic!("a line was shown") };
    assert!(line.content.len() < 1 << 20 && line.content.ends_with("(cut)"));
    cluster.stop().await;
}

#[tokio::test]
async fn the_oldest_events_go_first_and_the_gap_says_how_many() {
    let gate = opened();
    let cluster = cluster(&gate, |slave| slave.execution_log(100, 1 << 20)).await;
    let control = cluster.connection(0).executions();
    let started = control.start("lines", 250).unwrap().await.unwrap();
    control.wait_for_completion(started.id(), Some(expect::LIMIT)).await.unwrap();
    let events = rest(&mut control.watch(started.id(), 1)).await;
    assert_eq!(all_told(&events[..4]), ["1 accepted", "2 running", "3 gap of 150", "153 line 150"]);
    let seen = Lines::of(&events);
    assert_eq!((seen.lines, seen.missed, seen.next), (100, 150, 254));
    // Whoever begins in the gap is told what is left of it.
    let events = rest(&mut control.watch(started.id(), 103)).await;
    assert_eq!(told(&events[0]), "103 gap of 50");
    cluster.stop().await;
}

#[tokio::test]
async fn all_logs_together_are_bounded_and_the_oldest_log_gives_way() {
    let gate = opened();
    let cluster = cluster(&gate, |slave| slave.all_execution_logs(100_000)).await;
    let control = cluster.connection(0).executions();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let started = control.start("lines", 2_000).unwrap().await.unwrap();
        control.wait_for_completion(started.id(), Some(expect::LIMIT)).await.unwrap();
        ids.push(started.id());
    }
    let mut lines = Vec::new();
    for id in ids {
        let seen = Lines::of(&rest(&mut control.watch(id, 1)).await);
        assert_eq!(seen.lines + seen.missed, 2_000);
        lines.push(seen.lines);
    }
    assert_eq!((lines[0], lines[2]), (0, 2_000), "{lines:?}");
    assert!((1..2_000).contains(&lines[1]), "{lines:?}");
    cluster.stop().await;
}

/// Runs one execution of so many lines with a watcher that reads all and one that stands still
/// until the end; gives what each saw.
async fn fast_and_stalled(control: &Control, gate: &Gate, lines: u32) -> [Lines; 2] {
    let started = control.start("lines", lines).unwrap().await.unwrap();
    let (mut fast, mut stalled) = (control.watch(started.id(), 1), control.watch(started.id(), 1));
    let mut late = vec![next(&mut stalled).await];
    let reading = tokio::spawn(async move { rest(&mut fast).await });
    gate.open();
    let fast = reading.await.unwrap();
    late.extend(rest(&mut stalled).await);
    [Lines::of(&fast), Lines::of(&late)]
}

/// A million of them, and ten, are in the program `many_lines`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_watcher_slows_nobody_and_resumes_with_every_line() {
    const LINES: u32 = 200_000;
    let gate = Gate::closed();
    let cluster = cluster(&gate, |slave| slave).await;
    let control = cluster.connection(0).executions();
    for seen in fast_and_stalled(&control, &gate, LINES).await {
        assert_eq!((seen.lines, seen.missed), (u64::from(LINES), 0));
        assert_eq!(seen.next, u64::from(LINES) + 4);
    }
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_more_than_is_kept_leaves_the_same_counted_gap_for_all() {
    const LINES: u32 = 100_000;
    let gate = opened();
    let cluster = cluster(&gate, |slave| slave.execution_log(10_000, 1 << 20)).await;
    let control = cluster.connection(0).executions();
    let started = control.start("lines", LINES).unwrap().await.unwrap();
    control.wait_for_completion(started.id(), Some(expect::LIMIT)).await.unwrap();
    let one = rest(&mut control.watch(started.id(), 1)).await;
    let other = rest(&mut control.watch(started.id(), 1)).await;
    assert_eq!(all_told(&one), all_told(&other));
    let seen = Lines::of(&one);
    assert_eq!((seen.lines, seen.missed), (10_000, 90_000));
    cluster.stop().await;
}

/// Whether the slave has it: `None` when it had, and keeps it no more.
async fn here(control: &Control, id: ExecutionId) -> Option<bool> {
    match control.get(id).await {
        Ok(_) => Some(true),
        Err(ControlError::Expired { .. }) => None,
        Err(ControlError::NotFound { .. }) => Some(false),
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn what_has_ended_is_kept_by_count_and_then_expired_is_no_never_was() {
    let gate = opened();
    let keep_two = |slave: SlaveBuilder| slave.retention(Duration::from_secs(900), 2, 1 << 20);
    let cluster = cluster(&gate, keep_two).await;
    let control = cluster.connection(0).executions();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let started = control.start("lines", 1).unwrap().await.unwrap();
        control.wait_for_completion(started.id(), Some(expect::LIMIT)).await.unwrap();
        ids.push(started.id());
    }
    let found = [here(&control, ids[0]).await, here(&control, ids[1]).await];
    assert_eq!(found, [None, Some(true)]);
    assert_eq!(here(&control, ids[2]).await, Some(true));
    let stranger = ExecutionId { attempt: 2, ..ids[2] };
    assert_eq!(here(&control, stranger).await, Some(false));
    assert!(!control.exists(ids[0]).await.unwrap() && control.exists(ids[1]).await.unwrap());
    cluster.stop().await;
}

#[tokio::test]
async fn what_has_ended_is_kept_by_bytes() {
    let gate = Gate::closed();
    let few = |slave: SlaveBuilder| slave.retention(Duration::from_secs(900), 100, 2_500);
    let cluster = cluster(&gate, few).await;
    let control = cluster.connection(0).executions();
    let mut ids = Vec::new();
    for _ in 0..3 {
        // As data and as result.
        let started = control.start("echo", "x".repeat(500)).unwrap().await.unwrap();
        control.wait_for_completion(started.id(), Some(expect::LIMIT)).await.unwrap();
        ids.push(started.id());
    }
    assert_eq!([here(&control, ids[0]).await, here(&control, ids[1]).await], [None, Some(true)]);
    cluster.stop().await;
}

#[tokio::test]
async fn what_has_ended_is_kept_by_age() {
    let gate = opened();
    let short = |slave: SlaveBuilder| slave.retention(Duration::from_millis(100), 100, 1 << 20);
    let cluster = cluster(&gate, short).await;
    let control = cluster.connection(0).executions();
    let started = control.start("lines", 1).unwrap().await.unwrap();
    eventually("it to expire", async || here(&control, started.id()).await.is_none()).await;
    assert!(control.list().await.unwrap().is_empty());
    cluster.stop().await;
}

#[tokio::test]
async fn a_result_that_nobody_took_is_pinned_whatever_retention_says() {
    let gate = opened();
    let nothing = |slave: SlaveBuilder| slave.retention(Duration::ZERO, 0, 0);
    let cluster = cluster(&gate, nothing).await;
    let connection = cluster.connection(0);
    let gate = Gate::closed();
    let holds = gate.clone();
    let task = connection.new_task(json!(1)).unwrap().function("lines");
    let task = task.on_complete_async(move |_, _| {
        let holds = holds.clone();
        async move { holds.opened().await }
    });
    let running = task.start().await.unwrap();
    let control = connection.executions();
    let id = running.execution_id();
    // Its callback has not returned: the result is not taken.
    let outcome = control.wait_for_completion(id, Some(expect::LIMIT)).await.unwrap();
    assert_eq!(outcome.status, TaskStatus::Completed);
    assert_eq!(here(&control, id).await, Some(true));
    gate.open();
    expect::completed(&running).await;
    eventually("it to expire", async || here(&control, id).await.is_none()).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_session_and_a_watcher_see_the_same() {
    let gate = Gate::closed();
    let cluster = cluster(&gate, |slave| slave).await;
    let task = cluster.connection(0).new_task(json!(100)).unwrap().function("lines");
    let running = task.start().await.unwrap();
    let mut events = running.events();
    let control = cluster.connection(0).executions();
    let mut watch = control.watch(running.execution_id(), 1);
    gate.open();
    let (live, kept) = (outputs(&mut events).await, rest(&mut watch).await);
    let kept: Vec<_> = kept
        .into_iter()
        .filter_map(|event| match event.what {
            Happened::Output(output) => Some(output.content),
            _ => None,
        })
        .collect();
    assert_eq!((live.len(), live), (100, kept));
    cluster.stop().await;
}

async fn outputs(events: &mut Events) -> Vec<OutputContent> {
    let mut outputs = Vec::new();
    while let Some(event) = expect::soon("an event", events.next()).await {
        if let TaskEvent::Output(output) = event {
            outputs.push(output.content);
        }
    }
    outputs
}

#[tokio::test]
async fn a_task_that_its_session_left_behind_is_kept_and_can_be_looked_at() {
    let gate = opened();
    let slave = |slave: SlaveBuilder| slave.function("gated", functions::echo());
    let cluster = cluster(&gate, slave).await;
    let connection = cluster.connection(0);
    let running = connection.new_task(json!(1)).unwrap().function("lines").start().await.unwrap();
    let control = connection.executions();
    expect::completed(&running).await;
    connection.disconnect().await.unwrap();
    let info = control.get(running.execution_id()).await.unwrap();
    assert_eq!((info.status, info.connection.as_str()), (TaskStatus::Completed, "slave-0"));
    cluster.stop().await;
}

#[tokio::test]
async fn what_is_kept_counts_with_the_whole_batch_that_its_data_keeps() {
    let shows = |execution: FunctionExecution, _: u32| async move {
        execution.info("kept for those who look");
        Ok::<_, Failure>(())
    };
    let two_mebibytes = move |slave: SlaveBuilder| {
        let slave = slave.retention(Duration::from_secs(900), 1_000, 2 << 20);
        slave.function("shows", function(shows).inline())
    };
    let cluster = cluster(&opened(), two_mebibytes).await;
    let control = cluster.connection(0).executions();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    for task in 0..3 {
        let start = raw_master::start(task);
        let start = proto::Start { function: "shows".to_owned(), ..start };
        let execution = Some(raw_master::execution(task + 100));
        let reason = "x".repeat(1 << 20);
        let cancel = proto::Cancel { execution, reason };
        let frames = [from_master::Frame::Start(start), from_master::Frame::Cancel(cancel)];
        let frames = frames.map(|frame| FromMaster { frame: Some(frame) });
        master.send(Batch::numbered(1 + 3 * task, frames.into()));
        while !matches!(master.hears().await.unwrap(), from_slave::Frame::Finished(_)) {}
        let taken = proto::ResultsTaken { executions: vec![raw_master::execution(task)] };
        master.say(3 + 3 * task, from_master::Frame::ResultsTaken(taken));
    }
    let last = ExecutionId::from(raw_master::execution(2));
    eventually("that two of them went", async || {
        let kept = control.list().function("shows").await.unwrap();
        kept.iter().map(|info| info.id).eq([last])
    })
    .await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_wait_for_all_ends_at_once_when_one_of_them_cannot_be_waited_for() {
    let gate = Gate::closed();
    let keep_one = |slave: SlaveBuilder| slave.retention(Duration::from_secs(900), 1, 1 << 20);
    let cluster = cluster(&gate, keep_one).await;
    let control = cluster.connection(0).executions();
    let running = control.start("wait_for_abort", ()).unwrap().await.unwrap().id();
    let stranger = ExecutionId::first(TaskId::from_random([9; 16]));
    for others in [1, 100] {
        let ids = std::iter::repeat_n(running, others).chain([stranger]);
        let wait = control.wait_for_all(ids, None);
        let error = expect::soon("the word on the stranger", wait).await.unwrap_err();
        assert!(matches!(error, ControlError::NotFound { id } if id == stranger), "{error}");
    }
    cluster.stop().await;
}

/// The clock stands until nothing else is left to do: when the monitor is told for the first time, the
/// wait has seen that all of them are there, and waits for the first sixty-four.
#[tokio::test(start_paused = true)]
async fn a_wait_for_all_hears_that_one_went_beside_sixty_four_that_never_end() {
    let gate = Gate::closed();
    let runtime = Handle::current();
    let keep_none = move |slave: SlaveBuilder| {
        slave.retention(Duration::ZERO, 0, 0).function_runtime(runtime.clone())
    };
    let cluster = cluster(&gate, keep_none).await;
    let control = cluster.connection(0).executions();
    let endless = control.start("wait_for_abort", ()).unwrap().await.unwrap().id();
    let late = control.start("lines", 0).unwrap().await.unwrap().id();
    let monitor = WaitMonitor::new().every(Duration::from_millis(1), move |_| gate.open());
    let control = control.with_monitor(&monitor);
    let wait = control.wait_for_all(std::iter::repeat_n(endless, 64).chain([late]), None);
    let error = expect::soon("the word on the one that went", wait).await.unwrap_err();
    assert!(matches!(error, ControlError::Expired { id } if id == late), "{error}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_wait_for_success_takes_no_value_for_success_whose_parts_it_could_not_see() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let halves = move |execution: FunctionExecution, completes: bool| {
        let gate = opened.clone();
        async move {
            gate.opened().await;
            execution.part("half")?.failed("it broke")?;
            if completes { Ok(7) } else { Err(Failure::from("no value")) }
        }
    };
    let keep_none = move |slave: SlaveBuilder| {
        slave.retention(Duration::ZERO, 0, 0).function("halves", halves.clone())
    };
    let cluster = cluster(&gate, keep_none).await;
    let control = cluster.connection(0).executions();
    let completes = control.start("halves", true).unwrap().await.unwrap();
    let fails = control.start("halves", false).unwrap().await.unwrap();
    // Both are waited for when the gate opens: what they end with is told, and nothing later.
    let opening = async {
        fails.info().await.unwrap();
        gate.open();
    };
    let limit = Some(expect::LIMIT);
    let waits = async { tokio::join!(completes.success(limit), fails.success(limit), opening) };
    let (value, failure, ()): (Result<i32, _>, Result<i32, _>, ()) = Box::pin(waits).await;
    let error = value.unwrap_err();
    assert!(matches!(error, ControlError::Expired { id } if id == completes.id()), "{error}");
    let error = failure.unwrap_err();
    assert!(matches!(&error, ControlError::NotCompleted(_)), "{error}");
    cluster.stop().await;
}
