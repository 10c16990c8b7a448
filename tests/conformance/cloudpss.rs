//! The A cases: what CloudPSS's `FunctionExecution` promises, or should have.

mod outputs;
mod readers;

use std::sync::{Arc, Mutex};

use selsyn::{Failure, FunctionExecution, OutputContent, OutputError, Picture};
use selsyn_testing::{TestCluster, expect};
use serde_json::Value;

/// What a function showed in its run, as its master saw it.
struct Shown {
    outputs: Vec<OutputContent>,
    picture: Picture,
}

/// Runs a function to its end.
async fn shown(
    shows: impl Fn(&FunctionExecution) -> Result<(), OutputError> + Clone + Send + Sync + 'static,
) -> Shown {
    let function = move |execution: FunctionExecution, (): ()| {
        let shown = shows(&execution);
        async move { Ok::<_, Failure>(shown?) }
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("show", function.clone()))
        .start()
        .await
        .expect("a cluster starts");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&seen);
    let task = cluster.connection(0).new_task(()).expect("null is JSON").function("show");
    let task = task.keep_picture().on_output(move |output| {
        heard.lock().expect("no output panics").push(output.clone());
    });
    let running = expect::soon("the start to be answered", task.start()).await;
    let running = running.expect("the slave takes the task");
    expect::completed(&running).await;
    let picture = running.picture().expect("it was asked for");
    cluster.stop().await;
    let outputs = std::mem::take(&mut *seen.lock().expect("no output panics"));
    Shown { outputs, picture }
}

/// The same as CloudPSS's envelopes.
async fn envelopes(
    shows: impl Fn(&FunctionExecution) -> Result<(), OutputError> + Clone + Send + Sync + 'static,
) -> Vec<Value> {
    shown(shows).await.outputs.iter().map(OutputContent::to_json).collect()
}
