//! Data arrives as it left, of every kind, up to the limit and not beyond it.

use selsyn::{
    Call, Failure, FunctionExecution, Payload, PayloadKind, Prost, Ran, StartError, function,
};
use selsyn_common::proto;
use selsyn_testing::{TestCluster, expect};
use serde_json::{Value, json};

async fn cluster() -> TestCluster {
    TestCluster::builder(1)
        .slaves(|_, slave| {
            slave
                .max_payload_bytes(1_000)
                .function(
                    "pair",
                    function(|_: FunctionExecution, (a, b): (i64, i64)| async move {
                        Ok::<_, Failure>(a - b)
                    }),
                )
                .function(
                    "call",
                    function(|_: FunctionExecution, call: Call| async move {
                        Ok::<_, Failure>(json!({"args": call.args, "kwargs": call.kwargs}))
                    }),
                )
                .function(
                    "prost",
                    function(|_: FunctionExecution, line: Prost<proto::LogLine>| async move {
                        Ok::<_, Failure>(Prost(proto::LogLine {
                            content: format!("{}!", line.0.content),
                            ..line.0
                        }))
                    }),
                )
        })
        .start()
        .await
        .unwrap()
}

#[tokio::test]
async fn every_falsy_value_arrives_as_it_left() {
    let cluster = cluster().await;
    for value in [json!(0), json!(""), json!([]), json!(false), json!(null), json!({}), json!(0.0)]
    {
        let running =
            cluster.connection(0).new_task(&value).unwrap().function("echo").start().await.unwrap();
        assert_eq!(running.success::<Value>().await.unwrap(), value);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn raw_bytes_arrive_as_bytes() {
    let cluster = cluster().await;
    let raw = Payload::bytes(vec![0, 255, 7]);
    let running =
        cluster.connection(0).new_task(&raw).unwrap().function("echo").start().await.unwrap();
    assert_eq!(running.success::<Payload>().await.unwrap(), raw);
    cluster.stop().await;
}

#[tokio::test]
async fn prost_messages_go_both_ways() {
    let cluster = cluster().await;
    let line = proto::LogLine { content: "epoch 1".to_owned(), ..proto::LogLine::default() };
    let running = cluster
        .connection(0)
        .new_task(Prost(line))
        .unwrap()
        .function("prost")
        .start()
        .await
        .unwrap();
    let answer: Prost<proto::LogLine> = running.success().await.unwrap();
    assert_eq!(answer.0.content, "epoch 1!");
    cluster.stop().await;
}

#[tokio::test]
async fn a_call_reaches_functions_of_every_shape() {
    let cluster = cluster().await;
    let start = |function: &str, call: Call| {
        cluster.connection(0).new_task(call).unwrap().function(function).start()
    };
    let args = Call::new().arg(7).unwrap().arg(2).unwrap();
    assert_eq!(start("pair", args.clone()).await.unwrap().success::<i64>().await.unwrap(), 5);
    let both = args.kwarg("mode", "fast").unwrap();
    let answer: Value = start("call", both).await.unwrap().success().await.unwrap();
    assert_eq!(answer, json!({"args": [7, 2], "kwargs": {"mode": "fast"}}));
    let named = Call::new().kwarg("a", 2).unwrap().kwarg("b", 3).unwrap();
    assert_eq!(
        start("add", named).await.unwrap().success::<Value>().await.unwrap(),
        json!({"sum": 5})
    );
    cluster.stop().await;
}

#[tokio::test]
async fn data_of_the_limit_goes_and_data_above_it_is_not_sent() {
    let cluster = cluster().await;
    let start = |bytes: usize| {
        cluster
            .connection(0)
            .new_task(Payload::bytes(vec![1; bytes]))
            .unwrap()
            .function("echo")
            .start()
    };
    assert_eq!(start(1_000).await.unwrap().success::<Payload>().await.unwrap().len(), 1_000);
    let error = expect::error(start(1_001).await);
    assert!(matches!(error, StartError::TooLarge { bytes: 1_001, limit: 1_000, .. }), "{error}");
    assert_eq!((error.code(), error.ran(), error.data().len()), ("E0106", Ran::No, 1_001));
    cluster.stop().await;
}

#[tokio::test]
async fn a_value_of_another_type_than_asked_for_says_so_and_keeps_the_outcome() {
    let cluster = cluster().await;
    let running = cluster
        .connection(0)
        .new_task(json!("text"))
        .unwrap()
        .function("echo")
        .start()
        .await
        .unwrap();
    let error = running.success::<u64>().await.unwrap_err();
    assert_eq!(error.code(), "E0505");
    assert_eq!(running.join().await.value().unwrap().kind(), PayloadKind::Json);
    cluster.stop().await;
}
