//! Every way to end badly has an honest name, and the next task works.

use std::collections::HashMap;
use std::io;

use selsyn::{Failure, FailureKind, FunctionExecution, Payload, Ran, TaskStatus, blocking};
use selsyn_testing::{TestCluster, expect};
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
