//! What a function shows arrives in order, before its verdict, and losses are counted.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use selsyn::{
    Column, Custom, Failure, FunctionExecution, LogLevel, OutputContent, OutputError, Picture,
    Plot, Progress, Table, TaskEvent, TaskStatus, Trace, Verb, blocking, function,
};
use selsyn_testing::{Direction, Fault, FaultKind, Gate, TestCluster, expect, functions};
use serde_json::json;

async fn cluster() -> TestCluster {
    TestCluster::builder(1)
        .slaves(|_, slave| {
            slave.function("flood", functions::flood()).function("current", function(current))
        })
        .start()
        .await
        .unwrap()
}

/// Shows that the run is found from a thread that entered its scope, and from no other.
async fn current(execution: FunctionExecution, (): ()) -> Result<Vec<bool>, Failure> {
    let is_me =
        |found: Option<FunctionExecution>| found.is_some_and(|found| found.id() == execution.id());
    let here = is_me(FunctionExecution::current());
    let elsewhere = std::thread::spawn(|| FunctionExecution::current().is_some());
    let in_scope = std::thread::scope(|threads| {
        let scoped = threads.spawn(|| execution.scope(|| is_me(FunctionExecution::current())));
        scoped.join()
    });
    Ok(vec![here, elsewhere.join().unwrap_or(true), in_scope.unwrap_or(false)])
}

#[tokio::test]
async fn log_and_progress_arrive_in_order_before_join_returns() {
    let cluster = cluster().await;
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (logged, shown) = (Arc::clone(&lines), Arc::clone(&lines));
    let task = cluster.connection(0).new_task(json!(3)).unwrap().function("flood");
    let running = task
        .on_log(move |line| {
            logged.lock().unwrap().push(format!("{}: {}", line.level, line.content))
        })
        .on_progress(move |progress| shown.lock().unwrap().push(format!("{:.2}", progress.value)))
        .start()
        .await
        .unwrap();
    expect::completed(&running).await;
    let expected = ["info: line 1", "0.33", "info: line 2", "0.67", "info: line 3", "1.00"];
    assert_eq!(*lines.lock().unwrap(), expected);
    cluster.stop().await;
}

#[tokio::test]
async fn events_tell_the_whole_life_and_end_with_the_verdict() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("wait", functions::wait_for(opened.clone())))
        .start()
        .await
        .unwrap();
    let running =
        cluster.connection(0).new_task(json!(1)).unwrap().function("wait").start().await.unwrap();
    let mut events = running.events();
    assert_eq!(events.next().await, Some(TaskEvent::Accepted));
    assert_eq!(expect::soon("Running", events.next()).await, Some(TaskEvent::Running));
    gate.open();
    let ended = expect::soon("Ended", events.next()).await;
    assert!(
        matches!(ended, Some(TaskEvent::Ended(outcome)) if outcome.status == TaskStatus::Completed)
    );
    assert_eq!(events.next().await, None);
    // Who comes late hears the same.
    let mut late = running.events();
    assert_eq!(late.next().await, Some(TaskEvent::Accepted));
    assert_eq!(late.next().await, Some(TaskEvent::Running));
    assert!(matches!(late.next().await, Some(TaskEvent::Ended(_))));
    assert_eq!(late.next().await, None);
    cluster.stop().await;
}

#[tokio::test]
async fn what_a_slow_reader_misses_is_counted_to_the_last_line() {
    const LINES: u32 = 50_000;
    let gate = Gate::closed();
    let opened = gate.clone();
    let flood = move |execution: FunctionExecution, lines: u32| {
        let gate = opened.clone();
        async move {
            gate.opened().await;
            (0..lines).for_each(|line| execution.info(line));
            Ok::<_, Failure>(())
        }
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("flood", flood.clone()))
        .start()
        .await
        .unwrap();
    let running = cluster
        .connection(0)
        .new_task(json!(LINES))
        .unwrap()
        .function("flood")
        .start()
        .await
        .unwrap();
    let mut events = running.events();
    gate.open();
    let (mut seen, mut missed) = (0, 0);
    loop {
        match expect::soon("an event", events.next()).await.expect("Ended is the last") {
            TaskEvent::Output(_) => seen += 1,
            TaskEvent::Missed(count) => missed += count,
            TaskEvent::Ended(_) => break,
            _ => {}
        }
    }
    assert!(seen > 0);
    assert_eq!(seen + missed, u64::from(LINES), "{seen} seen, {missed} missed");
    cluster.stop().await;
}

#[tokio::test]
async fn a_progress_that_is_none_is_an_error_for_its_function() {
    let nonsense = |execution: FunctionExecution, value: f64| async move {
        execution.progress(value)?;
        Ok::<_, Failure>(())
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("nonsense", nonsense))
        .start()
        .await
        .unwrap();
    let running =
        cluster.connection(0).new_task(1.5).unwrap().function("nonsense").start().await.unwrap();
    let failure = expect::failure(&running, TaskStatus::Failed).await;
    assert_eq!(failure.message, "progress is a number between 0 and 1, not 1.5");
    cluster.stop().await;
}

#[tokio::test]
async fn an_output_over_a_limit_is_refused_and_the_largest_one_arrives() {
    let plots = |execution: FunctionExecution, (): ()| async move {
        let plot = |points: usize| Plot::new().trace(Trace::new().y(vec![1; points]));
        let refused = execution.plot(plot(OutputContent::MAX_BYTES / 2)).unwrap_err();
        assert_eq!(refused.code(), "E0702");
        let deep = (0..OutputContent::MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        execution.custom(Custom::new(&deep))?;
        let refused_deep = execution.custom(Custom::new(json!([deep]))).unwrap_err();
        assert_eq!(refused_deep, OutputError::TooDeep { kind: "custom", depth: 101, limit: 100 });
        execution.plot(plot(OutputContent::MAX_BYTES / 2 - 50))?;
        Ok::<_, Failure>(refused.to_string())
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("plots", plots))
        .start()
        .await
        .unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let task = cluster.connection(0).new_task(()).unwrap().function("plots");
    let running = task
        .on_output(move |output| heard.lock().unwrap().push(output.clone()))
        .start()
        .await
        .unwrap();
    let message = expect::completed(&running).await.value().unwrap().to_string();
    assert!(message.contains("is over the limit of 1000000: show it in pieces"), "{message}");
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    let [OutputContent::Custom(_), OutputContent::Plot(plot)] = &seen[..] else {
        panic!("two outputs, not {}", seen.len())
    };
    let points = plot.traces[0].attributes()["y"].as_array().map(Vec::len);
    assert_eq!(points, Some(OutputContent::MAX_BYTES / 2 - 50));
    cluster.stop().await;
}

#[tokio::test]
async fn the_picture_that_a_master_keeps_is_what_the_events_fold_to() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let shows = move |execution: FunctionExecution, epochs: u32| {
        let gate = opened.clone();
        async move {
            gate.opened().await;
            for epoch in 0..epochs {
                let verb = if epoch % 10 == 0 { Verb::Replace } else { Verb::Append };
                let trace = Trace::new().x([epoch]).y([f64::from(epoch).sqrt()]);
                execution.plot(Plot::new().key("loss").verb(verb).trace(trace))?;
                let row = Table::new().key("epochs").verb(Verb::Prepend);
                execution.table(row.column(Column::number("epoch", [epoch])))?;
                execution.info(format_args!("epoch {epoch}"));
                execution.progress(Progress::counts(u64::from(epoch + 1), u64::from(epochs)))?;
            }
            Ok::<_, Failure>(())
        }
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("show", shows.clone()))
        .start()
        .await
        .unwrap();
    let task = cluster.connection(0).new_task(25).unwrap().function("show").keep_picture();
    let running = task.start().await.unwrap();
    let mut events = running.events();
    gate.open();
    let mut folded = Picture::new();
    while let Some(event) = expect::soon("an event", events.next()).await {
        if let TaskEvent::Output(output) = event {
            folded.apply(output);
        }
    }
    assert_eq!((folded.missed(), folded.seq()), (0, 100));
    assert_eq!(folded.log().count(), 25);
    let Some(OutputContent::Plot(plot)) = folded.get("loss") else { panic!("it was shown") };
    assert_eq!(plot.traces[0].attributes()["x"], json!([20, 21, 22, 23, 24]));
    // It is there after the end too.
    assert_eq!(running.picture(), Some(folded));
    let plain = cluster.connection(0).new_task(0).unwrap().function("show").start().await.unwrap();
    expect::completed(&plain).await;
    assert_eq!(plain.picture(), None);
    cluster.stop().await;
}

#[tokio::test]
async fn a_function_never_waits_to_log_though_nothing_leaves_the_slave() {
    const LINES: u32 = 20_000;
    // So long that no window holds all of them.
    let line = |line: u32| format!("{line:>1000}");
    let (gate, logged) = (Gate::closed(), Gate::closed());
    let (opened, done) = (gate.clone(), logged.clone());
    let flood = move |execution: FunctionExecution, lines: u32| {
        let (gate, done) = (opened.clone(), done.clone());
        async move {
            gate.opened().await;
            (0..lines).for_each(|n| execution.info(line(n)));
            done.open();
            Ok::<_, Failure>(())
        }
    };
    let cluster = TestCluster::builder(1)
        .over_proxies(7)
        .slaves(move |_, slave| slave.function("flood", flood.clone()))
        .start()
        .await
        .unwrap();
    let task = cluster.connection(0).new_task(json!(LINES)).unwrap().function("flood");
    let running = task.keep_picture().start().await.unwrap();
    expect::running(&running).await;
    let proxy = cluster.proxy(0);
    proxy.inject(Fault::Stall(Direction::ToMaster));
    proxy.until_applied(FaultKind::Stall, 1).await;
    gate.open();
    expect::soon("the last line to be logged", logged.opened()).await;
    assert_eq!(running.picture().unwrap().log().count(), 0);
    proxy.heal();
    expect::completed(&running).await;
    let picture = running.picture().unwrap();
    let seen = picture.log().count() as u64 + picture.dropped();
    assert_eq!((seen + picture.missed(), picture.seq()), (LINES.into(), LINES.into()));
    assert!(picture.missed() > 0, "a slave does not keep them all for one that is away");
    let last = picture.log().last().map(|line| line.content.clone());
    assert_eq!(last, Some(line(LINES - 1)));
    cluster.stop().await;
}

#[tokio::test]
async fn a_run_is_found_from_its_own_code_and_its_scoped_threads_only() {
    let cluster = cluster().await;
    let running =
        cluster.connection(0).new_task(()).unwrap().function("current").start().await.unwrap();
    assert_eq!(running.success::<Vec<bool>>().await.unwrap(), [true, false, true]);
    assert!(FunctionExecution::current().is_none());
    cluster.stop().await;
}

#[test]
fn the_levels_are_those_of_cloudpss() {
    let levels = [
        LogLevel::Critical,
        LogLevel::Error,
        LogLevel::Warning,
        LogLevel::Info,
        LogLevel::Verbose,
        LogLevel::Debug,
    ];
    let names = levels.map(|level| level.to_string());
    assert_eq!(names, ["critical", "error", "warning", "info", "verbose", "debug"]);
}

#[tokio::test]
async fn a_function_that_outlives_its_verdict_shows_nothing_any_more() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let stuck = blocking(move |execution: FunctionExecution, (): ()| {
        execution.info("before");
        while !opened.is_open() {
            std::thread::sleep(Duration::from_millis(5));
        }
        execution.info("after");
        Ok::<_, Failure>(())
    });
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.abort_grace(Duration::ZERO).function("stuck", stuck.clone()))
        .start()
        .await
        .unwrap();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let logged = Arc::clone(&lines);
    let task = cluster.connection(0).new_task(()).unwrap().function("stuck");
    let task = task.deadline(Duration::from_millis(300));
    let running = task
        .on_log(move |line| logged.lock().unwrap().push(line.content.clone()))
        .start()
        .await
        .unwrap();
    expect::ended_as(&running, TaskStatus::TimedOut).await;
    gate.open();
    expect::eventually("the slot to be free", || cluster.slave(0).running() == 0).await;
    // Whatever it showed has arrived before this has.
    let next = cluster.connection(0).new_task(1).unwrap().function("echo").start().await.unwrap();
    expect::completed(&next).await;
    assert_eq!(*lines.lock().unwrap(), ["before"]);
    assert_eq!(running.outcome().unwrap().status, TaskStatus::TimedOut);
    cluster.stop().await;
}
