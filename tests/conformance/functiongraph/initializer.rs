//! B-08 and B-10: what runs once before the first call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use selsyn::{
    Failure, FailureKind, FunctionExecution, Initialization, Ran, SlaveBuilder, TaskStatus,
    blocking_initializer, initializer,
};
use selsyn_testing::{Gate, TestCluster, expect};
use serde_json::json;

use super::{called, slave_of, started, value};

/// Counts what was called.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Count {
    fn up(&self) -> usize {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    fn now(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

struct Dataset(usize);

async fn give(_: FunctionExecution, set: Arc<Dataset>, (): ()) -> Result<usize, Failure> {
    Ok(set.0)
}

#[tokio::test]
async fn b_08_the_initializer_runs_once_before_the_first_of_three_calls() {
    let loads = Count::default();
    let counted = loads.clone();
    let load = move |told: Initialization| {
        let loaded = Dataset(40 + counted.up() + told.attempt() as usize);
        async move { Ok::<_, Failure>(loaded) }
    };
    let cluster = slave_of(initializer(load).function(give).inline()).await;
    let at_once = [started(&cluster).await, started(&cluster).await];
    for running in &at_once {
        let got = expect::soon("the call", running.success::<usize>()).await.unwrap();
        assert_eq!(got, 42);
    }
    // Now that it has run, the function is begun in place, as it asked.
    assert_eq!(value(&cluster).await, 42);
    assert_eq!(loads.now(), 1);
    cluster.stop().await;
}

/// A slave whose initializer says that it was entered, and waits for the gate.
async fn slow_to_load() -> (TestCluster, Gate, Gate) {
    let (gate, entered) = (Gate::closed(), Gate::closed());
    let (opens, enter) = (gate.clone(), entered.clone());
    let load = move |_: Initialization| {
        let (gate, entered) = (opens.clone(), enter.clone());
        async move {
            entered.open();
            gate.opened().await;
            Ok::<_, Failure>(Dataset(7))
        }
    };
    let cluster = slave_of(initializer(load).function(give)).await;
    (cluster, gate, entered)
}

#[tokio::test]
async fn b_08_calls_that_come_meanwhile_wait_and_can_be_stopped() {
    let (cluster, gate, entered) = slow_to_load().await;
    let (stopped, waits) = (started(&cluster).await, started(&cluster).await);
    expect::soon("the initializer", entered.opened()).await;
    stopped.cancel("enough");
    let failure = expect::failure(&stopped, TaskStatus::Aborted).await;
    assert_eq!(failure.ran, Ran::No);
    gate.open();
    let got = expect::soon("the call", waits.success::<usize>()).await.unwrap();
    assert_eq!(got, 7);
    cluster.stop().await;
}

#[tokio::test]
async fn b_08_a_blocking_function_may_have_a_blocking_initializer() {
    let load = |told: Initialization| {
        let depth = told.user_data("depth").and_then(serde_json::Value::as_u64);
        depth.map(|depth| Dataset(depth as usize)).ok_or("no depth")
    };
    let load = move |told| load(told).map_err(Failure::from);
    let crunch = |_: FunctionExecution, set: Arc<Dataset>, (): ()| Ok::<_, Failure>(set.0 * 2);
    let cluster = slave_of(blocking_initializer(load).blocking(crunch).user_data("depth", 4)).await;
    assert_eq!(value(&cluster).await, json!(8));
    cluster.stop().await;
}

#[tokio::test]
async fn b_08_three_attempts_fail_and_the_caller_gets_the_last_error_and_the_next_call_tries_again()
{
    let attempts = Count::default();
    let counted = attempts.clone();
    let load = move |told: Initialization| {
        let (all, attempt) = (counted.up(), told.attempt());
        async move {
            if attempt == 2 {
                panic!("no disk");
            }
            if all <= 3 { Err(Failure::new(format!("no data {attempt}"))) } else { Ok(Dataset(9)) }
        }
    };
    let cluster = slave_of(initializer(load).function(give)).await;
    let outcome = called(&cluster).await;
    let failure = outcome.failure().unwrap();
    assert_eq!((outcome.status, failure.kind), (TaskStatus::Failed, FailureKind::InitFailed));
    assert_eq!(failure.message, "the initializer of f failed: no data 3");
    assert_eq!((failure.ran, attempts.now()), (Ran::No, 3));
    assert_eq!(value(&cluster).await, 9);
    cluster.stop().await;
}

fn in_virtual_time(
    slaves: impl Fn(usize, SlaveBuilder) -> SlaveBuilder + Send + 'static,
) -> impl Future<Output = TestCluster> {
    let cluster = TestCluster::builder(1).slaves(slaves).virtual_time().start();
    async { cluster.await.expect("a cluster in memory starts") }
}

#[tokio::test(start_paused = true)]
async fn b_10_an_initializer_over_its_time_out_fails_the_call_and_the_handler_never_runs() {
    let (runs, attempts) = (Count::default(), Count::default());
    let (ran, tried) = (runs.clone(), attempts.clone());
    let load = move |_: Initialization| {
        tried.up();
        std::future::pending::<Result<Dataset, Failure>>()
    };
    let handler = move |_: FunctionExecution, _: Arc<Dataset>, (): ()| {
        ran.up();
        async { Ok::<_, Failure>(()) }
    };
    let f = initializer(load).timeout(Duration::from_secs(5)).function(handler);
    let cluster = in_virtual_time(move |_, slave| slave.function("f", f.clone())).await;
    let begun = tokio::time::Instant::now();
    let outcome = called(&cluster).await;
    let failure = outcome.failure().unwrap();
    assert_eq!((failure.kind, failure.ran), (FailureKind::InitTimedOut, Ran::No));
    assert_eq!(failure.message, "the initializer of f took longer than 5s");
    assert_eq!((runs.now(), attempts.now()), (0, 3));
    assert!(begun.elapsed() >= Duration::from_secs(15), "three attempts of 5 s each");
    cluster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn b_10_a_state_that_is_not_healthy_any_more_is_made_anew_and_told_before_it_goes() {
    let (loads, farewells) = (Count::default(), Count::default());
    let (loaded, told) = (loads.clone(), farewells.clone());
    let load = move |_: Initialization| {
        let number = loaded.up();
        async move { Ok::<_, Failure>(Dataset(number)) }
    };
    let pre_stop = move |_: Arc<Dataset>| {
        told.up();
        async {}
    };
    // The first one is ill, the second is well.
    let f = initializer(load)
        .healthy(|set: Arc<Dataset>| async move { set.0 > 1 })
        .pre_stop(pre_stop)
        .function(give);
    let cluster = in_virtual_time(move |_, slave| slave.function("f", f.clone())).await;
    assert_eq!(value(&cluster).await, 1);
    // Six misses, 5 s apart.
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!((value(&cluster).await, farewells.now()), (json!(1), 0));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((value(&cluster).await, farewells.now()), (json!(2), 1));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(value(&cluster).await, 2);
    cluster.stop().await;
    assert_eq!((loads.now(), farewells.now()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn b_10_a_state_that_was_destroyed_is_asked_after_no_more() {
    let asked = Count::default();
    let asks = asked.clone();
    let load = |_: Initialization| async { Ok::<_, Failure>(Dataset(7)) };
    let healthy = move |_: Arc<Dataset>| {
        asks.up();
        async { true }
    };
    let f = initializer(load).healthy(healthy).function(give);
    let cluster = in_virtual_time(move |_, slave| slave.function("f", f.clone())).await;
    assert_eq!(value(&cluster).await, 7);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(asked.now(), 2);
    cluster.connection(0).function_calls().environment().destroy().await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(asked.now(), 2);
    cluster.stop().await;
}

#[tokio::test]
async fn b_10_an_initializer_that_runs_when_the_environment_is_destroyed_ends_with_it() {
    let (entered, left, loads) = (Gate::closed(), Gate::closed(), Count::default());
    let (enter, leave, counted) = (entered.clone(), left.clone(), loads.clone());
    let load = move |_: Initialization| {
        let (entered, on_drop, load) = (enter.clone(), OpenOnDrop(leave.clone()), counted.up());
        async move {
            let _on_drop = on_drop;
            entered.open();
            if load == 1 {
                std::future::pending::<()>().await;
            }
            Ok::<_, Failure>(Dataset(load))
        }
    };
    let cluster = slave_of(initializer(load).function(give)).await;
    let calls = cluster.connection(0).function_calls();
    let waits = started(&cluster).await;
    expect::soon("the initializer", entered.opened()).await;
    calls.environment().destroy().await.unwrap();
    expect::failure(&waits, TaskStatus::Aborted).await;
    expect::soon("the end of the initializer", left.opened()).await;
    calls.environment().open().await.unwrap();
    assert_eq!(value(&cluster).await, 2);
    cluster.stop().await;
}

/// Opens a gate when it is dropped.
struct OpenOnDrop(Gate);

impl Drop for OpenOnDrop {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[tokio::test]
async fn b_08_a_call_that_is_stopped_while_it_waits_keeps_nothing_and_others_go_on_waiting() {
    let (cluster, gate, entered) = slow_to_load().await;
    // The first one had it begun, and is stopped like the others.
    let first = started(&cluster).await;
    expect::soon("the initializer", entered.opened()).await;
    let last = started(&cluster).await;
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    let mut stopped = vec![first];
    for _ in 0..100 {
        stopped.push(started(&cluster).await);
    }
    for task in &stopped {
        task.cancel("enough");
        expect::failure(task, TaskStatus::Aborted).await;
    }
    // Each that waits has a task of its own.
    expect::eventually("those who were stopped to go", || metrics.num_alive_tasks() < before + 50)
        .await;
    gate.open();
    let got = expect::soon("the call", last.success::<usize>()).await.unwrap();
    assert_eq!(got, 7);
    cluster.stop().await;
}

#[tokio::test]
async fn b_08_a_blocking_initializer_that_hangs_keeps_one_thread_however_often_it_is_tried() {
    let threads = Count::default();
    let counted = threads.clone();
    let (release, hangs) = std::sync::mpsc::channel::<()>();
    let hangs = std::sync::Mutex::new(hangs);
    let load = move |_: Initialization| {
        let load = counted.up();
        // Until the sender is dropped.
        let _ = hangs.lock().unwrap().recv();
        Ok::<_, Failure>(Dataset(load))
    };
    let load = blocking_initializer(load).timeout(Duration::from_millis(20));
    let cluster = slave_of(load.function(give)).await;
    for _ in 0..2 {
        let outcome = called(&cluster).await;
        assert_eq!(outcome.failure().unwrap().kind, FailureKind::InitTimedOut);
    }
    assert_eq!(threads.now(), 1);
    drop(release);
    let mut got = called(&cluster).await;
    // The thread may need longer than three attempts to come back.
    while got.value().is_none() {
        got = called(&cluster).await;
    }
    assert_eq!(got.value().unwrap().to::<usize>().unwrap(), 2);
    cluster.stop().await;
}
