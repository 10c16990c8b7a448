//! The B cases: what FunctionGraph's context, initializer and results promise, or should have.

mod context;
mod initializer;
mod logger;
mod results;

use selsyn::{Function, Outcome, Payload, RunningTask};
use selsyn_testing::{TestCluster, expect};
use serde_json::{Value, json};

/// A slave with this function, as `f`.
async fn slave_of(function: Function) -> TestCluster {
    let slaves = move |_, slave: selsyn::SlaveBuilder| slave.function("f", function.clone());
    TestCluster::builder(1).slaves(slaves).start().await.expect("a cluster in memory starts")
}

/// Starts `f` without data.
async fn started(cluster: &TestCluster) -> RunningTask {
    let task = cluster.connection(0).new_task(json!(null)).expect("JSON is JSON").function("f");
    let running = expect::soon("the start to be answered", task.start()).await;
    running.expect("the slave takes the task")
}

/// How a call of `f` ends.
async fn called(cluster: &TestCluster) -> Outcome {
    expect::ended(&started(cluster).await).await
}

/// What a call of `f` returns.
async fn value(cluster: &TestCluster) -> Value {
    let outcome = expect::completed(&started(cluster).await).await;
    outcome.value().map(Payload::json).expect("it completed").expect("the payload is JSON")
}
