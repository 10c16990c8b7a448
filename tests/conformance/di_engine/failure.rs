//! E-36 to E-41: whatever goes wrong, the task ends and the next one runs.

use std::collections::HashMap;
use std::fmt;

use selsyn::{Failure, FailureKind, FunctionExecution, Payload, Ran, TaskStatus};
use selsyn_testing::{TestCluster, expect};
use serde_json::json;

use super::{Calls, read, works};

/// An ordinary error with a cause.
#[derive(Debug)]
struct NoWeights(std::num::ParseIntError);

impl fmt::Display for NoWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the weights cannot be read")
    }
}

impl std::error::Error for NoWeights {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

async fn load(_: FunctionExecution, _: Payload) -> Result<i64, NoWeights> {
    "heavy".parse().map_err(NoWeights)
}

async fn task_fail(_: FunctionExecution, _: Payload) -> Result<(), Failure> {
    Err(Failure::new("out of luck").with_data(json!({"at": 3})))
}

/// A map whose keys are no strings has no JSON form.
async fn unencodable(
    _: FunctionExecution,
    _: Payload,
) -> Result<HashMap<(i32, i32), i32>, Failure> {
    Ok(HashMap::from([((1, 2), 3)]))
}

/// Runs the function, which fails, and shows that the slave goes on. `exclusive()` has one place
/// for tasks: a failure that kept it would be seen.
async fn failure_of(function: &'static str, data: Payload) -> Failure {
    let cluster = TestCluster::builder(1).slaves(|_, slave| {
        slave
            .exclusive()
            .function("load", load)
            .function("task_fail", task_fail)
            .function("unencodable", unencodable)
    });
    let cluster = cluster.start().await.expect("the slave is built");
    let task = cluster.connection(0).new_task(data).expect("it is encoded");
    let running = task.function(function).start().await;
    let running = running.expect("the slave takes the task");
    let failure = expect::failure(&running, TaskStatus::Failed).await;
    assert_eq!(failure.ran, Ran::Yes);
    works(cluster.connection(0)).await;
    cluster.stop().await;
    failure
}

#[tokio::test]
async fn e_36_an_ordinary_error_ends_the_task_with_message_and_trace() {
    let failure = failure_of("load", Payload::null()).await;
    assert_eq!(failure.kind, FailureKind::Function);
    assert_eq!(failure.message, "the weights cannot be read");
    let cause = "invalid digit found in string";
    assert_eq!(failure.trace, ["the weights cannot be read", cause]);
}

#[tokio::test]
async fn e_37_a_panic_ends_the_task_and_not_the_slave() {
    let said = Payload::encode("no such layer").unwrap();
    let failure = failure_of("panic", said).await;
    assert_eq!(failure.kind, FailureKind::Panicked);
    assert!(failure.message.contains("no such layer"), "{failure}");
}

#[tokio::test]
async fn e_39_a_task_fail_brings_its_result_and_its_message() {
    let failure = failure_of("task_fail", Payload::null()).await;
    assert_eq!(failure.kind, FailureKind::Function);
    assert_eq!(failure.message, "out of luck");
    assert_eq!(read(failure.data.as_ref()), json!({"at": 3}));
}

#[tokio::test]
async fn e_40_a_result_that_cannot_be_encoded_ends_the_task() {
    let failure = failure_of("unencodable", Payload::null()).await;
    assert_eq!(failure.kind, FailureKind::Encode);
    assert_eq!(failure.code(), "E0115");
    assert!(failure.message.contains("cannot be encoded"), "{failure}");
}

#[tokio::test]
async fn e_41_a_callback_that_panics_stops_neither_the_others_nor_the_master() {
    let (cluster, calls) = (TestCluster::start(2).await.unwrap(), Calls::default());
    let task = cluster.connection(0).new_task(json!({"a": 2, "b": 3}));
    let running = task
        .unwrap()
        .on_complete(|_, _| panic!("the first callback is broken"))
        .on_complete(calls.complete("second"))
        .on_complete(calls.complete("third"))
        .start()
        .await
        .unwrap();
    let outcome = expect::completed(&running).await;
    assert_eq!(read(outcome.value()), json!({"sum": 5}));
    assert_eq!(outcome.callback_panics, ["the first callback is broken"]);
    assert_eq!(calls.names(), ["second", "third"]);
    works(cluster.connection(1)).await;
    works(cluster.connection(0)).await;
    cluster.stop().await;
}
