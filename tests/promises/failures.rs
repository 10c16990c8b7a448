//! Every way to end badly has an honest name, and the next task works.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use selsyn::{
    Failure, FailureKind, FunctionExecution, Payload, Progress, Ran, TaskStatus, blocking,
};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, TestCluster, expect, functions};
use serde_json::json;

async fn cluster() -> TestCluster {
    async fn unencodable(_: FunctionExecution, (): ()) -> Result<HashMap<(u8, u8), u8>, Failure> {
        Ok(HashMap::from([((1, 2), 3)]))
    }
    async fn ordinary(_: FunctionExecution, (): ()) -> Result<(), io::Error> {
        Err(io::Error::other("no weights"))
    }
    async fn large(_: FunctionExecution, bytes: usize) -> Result<Payload, Failure> {
        Ok(Payload::bytes(vec![0; bytes]))
    }
    fn block(_: FunctionExecution, (): ()) -> Result<(), Failure> {
        panic!("in a thread of its own")
    }
    TestCluster::builder(1)
        .slaves(|_, slave| {
            slave
                .function("unencodable", unencodable)
                .function("ordinary", ordinary)
                .function("large", large)
                .function("block", blocking(block))
        })
        .master(|master| master.max_payload_bytes(1_000))
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn each_failure_has_its_kind_and_the_slave_goes_on() {
    let cluster = cluster().await;
    let cases = [
        ("fail", json!("broken"), FailureKind::Function, Ran::Yes, "broken"),
        ("ordinary", json!(null), FailureKind::Function, Ran::Yes, "no weights"),
        ("panic", json!("oh"), FailureKind::Panicked, Ran::Yes, "the function panicked: oh"),
        ("block", json!(null), FailureKind::Panicked, Ran::Yes, "in a thread of its own"),
        ("unencodable", json!(null), FailureKind::Encode, Ran::Yes, "the result cannot be encoded"),
        ("fail", json!(7), FailureKind::Encode, Ran::No, "fail cannot read its arguments"),
        (
            "large",
            json!(1_001),
            FailureKind::TooLarge,
            Ran::Yes,
            "the result has 1001 bytes; the master takes 1000",
        ),
    ];
    for (function, data, kind, ran, message) in cases {
        let running =
            cluster.connection(0).new_task(data).unwrap().function(function).start().await.unwrap();
        let failure = expect::failure(&running, TaskStatus::Failed).await;
        assert_eq!((failure.kind, failure.ran), (kind, ran), "{function}");
        assert!(failure.message.contains(message), "{function}: {}", failure.message);
    }
    let next =
        cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap().start().await.unwrap();
    expect::completed(&next).await;
    assert_eq!(cluster.slave(0).running(), 0);
    cluster.stop().await;
}

#[tokio::test]
async fn a_result_of_exactly_the_limit_arrives() {
    let cluster = cluster().await;
    let running =
        cluster.connection(0).new_task(1_000).unwrap().function("large").start().await.unwrap();
    assert_eq!(expect::completed(&running).await.value().unwrap().len(), 1_000);
    cluster.stop().await;
}

/// Far more than a master with the limit of these tests reads in one frame.
const LONG: usize = 3_000_000;

fn long() -> String {
    "y".repeat(LONG)
}

#[tokio::test]
async fn what_is_too_long_is_cut_and_costs_the_neighbours_nothing() {
    let (gate, connects) = (Gate::closed(), Counter::default());
    let (opened, counted) = (gate.clone(), connects.clone());
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            slave
                .function("wait", functions::wait_for(opened.clone()))
                .function("message", |_: FunctionExecution, (): ()| async {
                    Err::<(), _>(Failure::new(long()))
                })
                .function("data", |_: FunctionExecution, (): ()| async {
                    Err::<(), _>(Failure::new("broken").with_data(long()))
                })
                .function("partial", |execution: FunctionExecution, (): ()| async move {
                    execution.cancelled().await;
                    Ok::<_, Failure>(long())
                })
                .function("log", |execution: FunctionExecution, (): ()| async move {
                    execution.info(long());
                    execution.progress(Progress::fraction(0.5).key("key").title(long()))?;
                    execution.info("next");
                    Ok::<_, Failure>(())
                })
        })
        .master(move |master| {
            master.max_payload_bytes(1_000).after_connect(move |_| {
                counted.count();
            })
        })
        .start()
        .await
        .unwrap();
    let start =
        |function: &str| cluster.connection(0).new_task(()).unwrap().function(function).start();
    let neighbour = start("wait").await.unwrap();

    let failure = expect::failure(&start("message").await.unwrap(), TaskStatus::Failed).await;
    assert!(failure.message.starts_with("yyy") && failure.message.ends_with("(cut)"));
    assert!(failure.message.len() < LONG);

    let failure = expect::failure(&start("data").await.unwrap(), TaskStatus::Failed).await;
    assert_eq!((failure.message.as_str(), failure.data), ("broken", None));
    assert!(failure.trace.iter().any(|line| line.contains("cut")), "{:?}", failure.trace);

    let partial = start("partial").await.unwrap();
    expect::running(&partial).await;
    partial.cancel("");
    let failure = expect::failure(&partial, TaskStatus::Aborted).await;
    assert_eq!((failure.message.as_str(), failure.partial), ("cancelled by the master", None));

    let lines = Arc::new(Mutex::new(Vec::new()));
    let (logged, shown) = (Arc::clone(&lines), Arc::clone(&lines));
    let task = cluster.connection(0).new_task(()).unwrap().function("log");
    let running = task
        .on_log(move |line| logged.lock().unwrap().push(line.content.clone()))
        .on_progress(move |progress| shown.lock().unwrap().push(progress.title.clone()))
        .start()
        .await
        .unwrap();
    expect::completed(&running).await;
    let lines = lines.lock().unwrap().clone();
    assert_eq!((lines.len(), lines[2].as_str()), (3, "next"));
    assert!(lines[..2].iter().all(|line| line.ends_with("(cut)") && line.len() < LONG));

    assert_eq!(neighbour.status(), TaskStatus::Started);
    gate.open();
    expect::completed(&neighbour).await;
    assert_eq!(connects.runs(), 1, "the session was never cut");
    cluster.stop().await;
}
