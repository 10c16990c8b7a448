//! A goodbye is said once, to everybody's knowledge, and leaves nothing behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use selsyn::{Failure, FunctionExecution, Master, Slave, TaskStatus, function};
use selsyn_testing::functions::Counter;
use selsyn_testing::{TestCluster, expect, functions, pipe};
use serde_json::json;

#[tokio::test]
async fn two_goodbyes_at_once_are_one() {
    let (asked, told) = (Counter::default(), Counter::default());
    let (asks, tells) = (asked.clone(), told.clone());
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let asked = asks.clone();
            slave.before_disconnection(move |_| {
                asked.count();
                Ok(())
            })
        })
        .master(move |master| {
            master.after_disconnect(move |_| {
                tells.count();
            })
        })
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0);
    let task = connection.new_task(json!(1)).unwrap().function("wait_for_abort");
    let running = task.start().await.unwrap();
    expect::running(&running).await;
    let (first, second) = tokio::join!(connection.disconnect(), connection.disconnect());
    first.unwrap();
    second.unwrap();
    expect::ended_as(&running, TaskStatus::Aborted).await;
    connection.disconnect().await.unwrap();
    assert_eq!((asked.runs(), told.runs()), (1, 1));
    cluster.stop().await;
}

#[tokio::test]
async fn who_leaves_without_a_goodbye_is_told_of_none() {
    let told = Counter::default();
    let tells = told.clone();
    let cluster = TestCluster::builder(1)
        .master(move |master| {
            master.after_disconnect(move |_| {
                tells.count();
            })
        })
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0);
    connection.detach();
    expect::soon("the end", connection.closed()).await;
    connection.disconnect().await.unwrap();
    connection.disconnect().await.unwrap();
    assert_eq!(told.runs(), 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goodbyes_from_many_sides_are_all_answered() {
    let (dialer, listener) = pipe();
    let slave = Slave::builder().incoming(listener).unwrap().spawn();
    let master = Master::new().unwrap();
    for round in 0..300 {
        let dialer = dialer.clone();
        let connecting = master.connect_with("it", move || dialer.clone().dial());
        let connection = connecting.await.unwrap();
        let goodbyes = (0..8).map(|side| {
            let connection = connection.clone();
            tokio::spawn(async move {
                // Some come while the first is on its way, some while it ends.
                for _ in 0..side * (round % 10) {
                    tokio::task::yield_now().await;
                }
                connection.disconnect().await
            })
        });
        for goodbye in goodbyes.collect::<Vec<_>>() {
            expect::soon("the goodbye", goodbye).await.unwrap().unwrap();
        }
    }
    slave.shutdown().await.unwrap();
}

/// The name on the master, and the place on a slave that has one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_disconnected_may_connect_again_at_once() {
    let (dialer, listener) = pipe();
    let slave = Slave::builder().exclusive().incoming(listener).unwrap().spawn();
    let master = Master::new().unwrap();
    for _ in 0..200 {
        let dialer = dialer.clone();
        let connecting = master.connect_with("it", move || dialer.clone().dial());
        let connection = connecting.await.unwrap();
        connection.disconnect().await.unwrap();
    }
    slave.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_task_has_its_verdict_before_closed_or_disconnect_returns() {
    let (dialer, listener) = pipe();
    let builder = Slave::builder().function("wait", functions::wait_for_abort());
    let slave = builder.incoming(listener).unwrap().spawn();
    let master = Master::new().unwrap();
    for round in 0..40 {
        let dialer = dialer.clone();
        let connecting = master.connect_with("it", move || dialer.clone().dial());
        let connection = connecting.await.unwrap();
        let starts = (0..20).map(|n| connection.new_task(n).unwrap().function("wait").start());
        let tasks = futures_util::future::join_all(starts).await;
        let verdict = if round % 2 == 0 {
            connection.detach();
            expect::soon("the end", connection.closed()).await;
            TaskStatus::Lost
        } else {
            expect::soon("the goodbye", connection.disconnect()).await.unwrap();
            TaskStatus::Aborted
        };
        assert!(!master.contains("it"));
        assert!(tasks.iter().all(|task| task.as_ref().unwrap().status() == verdict));
    }
    slave.shutdown().await.unwrap();
}

/// Counts itself while it lives.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_races_the_goodbye_leaves_no_run_behind() {
    let alive = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&alive);
    let wait = function(move |execution: FunctionExecution, (): ()| {
        let alive = Alive::new(&counted);
        async move {
            let _alive = alive;
            execution.cancelled().await;
            Ok::<_, Failure>(())
        }
    });
    let (dialer, listener) = pipe();
    let builder = Slave::builder().slots(100_000).function("wait", wait);
    let slave = builder.incoming(listener).unwrap().spawn();
    let master = Master::new().unwrap();
    for _ in 0..60 {
        let dialer = dialer.clone();
        let connecting = master.connect_with("it", move || dialer.clone().dial());
        let connection = connecting.await.unwrap();
        let racing = connection.clone();
        let racing = tokio::spawn(async move {
            let mut starts = Vec::new();
            while !racing.state().is_final() && starts.len() < 100 {
                starts.push(tokio::spawn(racing.new_task(()).unwrap().function("wait").start()));
                tokio::task::yield_now().await;
            }
            for start in starts {
                if let Ok(running) = expect::soon("the start", start).await.unwrap() {
                    expect::ended(&running).await;
                }
            }
        });
        expect::soon("the goodbye", connection.disconnect()).await.unwrap();
        expect::soon("the starts", racing).await.unwrap();
        expect::eventually("every slot to be free", || slave.running() == 0).await;
        expect::eventually("every run to end", || alive.load(Ordering::SeqCst) == 0).await;
    }
    slave.shutdown().await.unwrap();
}
