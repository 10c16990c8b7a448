//! The C cases: what bluesky queueserver's function calls promise, or should have.

mod admission;
mod environment;
mod execute;
mod queue;
mod results;
mod waiting;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use selsyn::{
    Call, CompletedTask, Failure, FunctionCalls, FunctionExecution, SlaveBuilder, TaskUid,
};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How long the function that sleeps does.
#[derive(Serialize, Deserialize)]
struct Sleep {
    time: f64,
}

/// bluesky's own test function, which is called by position and by name.
async fn sleep(_: FunctionExecution, sleep: Sleep) -> Result<Value, Failure> {
    tokio::time::sleep(Duration::from_secs_f64(sleep.time)).await;
    Ok(serde_json::json!({"success": true, "time": sleep.time}))
}

fn functions_of(slave: SlaveBuilder, gate: &Gate) -> SlaveBuilder {
    let buffer = Arc::new(Mutex::new(Vec::<Value>::new()));
    let pushed = Arc::clone(&buffer);
    slave
        .function("sleep", sleep)
        .function("wait", functions::wait_for(gate.clone()))
        .function("push", move |_: FunctionExecution, (value,): (Value,)| {
            pushed.lock().unwrap().push(value);
            async { Ok::<_, Failure>(()) }
        })
        .function("pop", move |_: FunctionExecution, (): ()| {
            let popped = buffer.lock().unwrap().pop();
            async { Ok::<_, Failure>(popped) }
        })
        .function("first", |_: FunctionExecution, call: Call| async move {
            Ok::<_, Failure>(call.args.into_iter().next())
        })
}

/// A cluster of one slave with the functions of the cases; `wait` waits for the gate.
async fn environment(gate: &Gate) -> (TestCluster, FunctionCalls) {
    let gate = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| functions_of(slave.slots(8), &gate))
        .start()
        .await
        .unwrap();
    let calls = cluster.connection(0).function_calls();
    (cluster, calls)
}

/// Starts `wait`.
async fn waiting(calls: &FunctionCalls, in_background: bool) -> TaskUid {
    calls.function("wait").run_in_background(in_background).execute().await.unwrap().task_uid
}

/// How a task has ended, once it has.
async fn completed(calls: &FunctionCalls, uid: &TaskUid) -> CompletedTask {
    calls.wait_for_completed_task([uid]).timeout(expect::LIMIT).await.unwrap();
    calls.task_result(uid).await.unwrap().completed().unwrap().clone()
}
