//! The A cases: what CloudPSS's `FunctionExecution` promises, or should have.

mod outputs;

use std::sync::{Arc, Mutex};

use selsyn::{Failure, FunctionExecution, OutputContent, OutputError};
use selsyn_testing::{TestCluster, expect};
use serde_json::Value;

/// Runs a function to its end, and gives whatever it showed, as its master saw it.
async fn shown(
    shows: impl Fn(&FunctionExecution) -> Result<(), OutputError> + Clone + Send + Sync + 'static,
) -> Vec<OutputContent> {
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
    let task = task.on_output(move |output| {
        heard.lock().expect("no output panics").push(output.clone());
    });
    let running = expect::soon("the start to be answered", task.start()).await;
    expect::completed(&running.expect("the slave takes the task")).await;
    cluster.stop().await;
    let mut seen = seen.lock().expect("no output panics");
    std::mem::take(&mut *seen)
}

/// The same as CloudPSS's envelopes.
async fn envelopes(
    shows: impl Fn(&FunctionExecution) -> Result<(), OutputError> + Clone + Send + Sync + 'static,
) -> Vec<Value> {
    shown(shows).await.iter().map(OutputContent::to_json).collect()
}
