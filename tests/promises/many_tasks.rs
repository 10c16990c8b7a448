//! A flood of tasks over one connection is no exception to any promise.

use futures_util::stream::{self, StreamExt};
use selsyn_testing::functions::{Counter, count};
use selsyn_testing::{TestCluster, expect};
use serde_json::json;

const TASKS: usize = 20_000;
const IN_FLIGHT: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_tasks_run_once_each_with_each_callback_once() {
    let (runs, callbacks) = (Counter::default(), Counter::default());
    let counted = runs.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("count", count(counted.clone())))
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0);
    let tasks = stream::iter(0..TASKS).for_each_concurrent(IN_FLIGHT, |n| {
        let callbacks = callbacks.clone();
        async move {
            let task = connection.new_task(json!(n)).unwrap().function("count");
            let running = task
                .on_complete(move |_, _| {
                    callbacks.count();
                })
                .start()
                .await
                .unwrap();
            expect::completed(&running).await;
        }
    });
    tasks.await;
    assert_eq!((runs.runs(), callbacks.runs()), (TASKS, TASKS));
    assert_eq!(connection.in_flight(), 0);
    cluster.stop().await;
}
