//! B-11 to B-17: what a call gives, however it ends.

use std::time::Duration;

use selsyn::{
    Failure, FailureKind, FunctionExecution, MAX_TRACE_LINES, Outcome, TaskStatus, blocking,
    function,
};
use selsyn_testing::{TestCluster, expect};
use serde_json::{Value, json};

use super::{called, slave_of, started};

/// The failure of the call of a function, as FunctionGraph's JSON.
async fn failure_json(function: selsyn::Function) -> Value {
    let cluster = slave_of(function).await;
    let outcome = called(&cluster).await;
    cluster.stop().await;
    outcome.failure().expect("it fails").to_json()
}

#[tokio::test]
async fn b_11_an_error_becomes_json_with_its_chain_of_causes() {
    #[derive(Debug)]
    struct Deep(u32);
    impl std::fmt::Display for Deep {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "cause {}", self.0)
        }
    }
    impl std::error::Error for Deep {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            const CAUSES: [Deep; 2] = [Deep(1), Deep(0)];
            static CHAIN: [Deep; 2] = CAUSES;
            CHAIN.iter().find(|deep| deep.0 + 1 == self.0).map(|deep| deep as _)
        }
    }
    let json = failure_json(function(|_: FunctionExecution, (): ()| async {
        Err::<(), _>(Failure::from(Deep(2)))
    }))
    .await;
    assert_eq!(json["errorMessage"], "cause 2");
    assert_eq!(json["errorType"], "FunctionReturnError");
    assert_eq!(json["stackTrace"], json!(["cause 2", "cause 1", "cause 0"]));
}

#[tokio::test]
async fn b_11_a_panic_becomes_json_with_its_message_and_place_and_no_absolute_path() {
    let line = line!() + 3;
    let json = failure_json(function(|_: FunctionExecution, (): ()| async {
        if true {
            panic!("no weights in {}", 7)
        }
        Ok::<_, Failure>(())
    }))
    .await;
    assert_eq!(json["errorMessage"], "the function panicked: no weights in 7");
    assert_eq!(json["errorType"], "panic");
    let trace = json["stackTrace"].as_array().unwrap();
    let place = trace[0].as_str().unwrap();
    assert!(place.contains(&format!("functiongraph/results.rs:{line}:")), "{place}");
    let is_absolute = |line: &Value| line.as_str().is_none_or(|line| line.contains(" /"));
    assert!(!trace.iter().any(is_absolute) && trace.len() <= MAX_TRACE_LINES, "{trace:?}");
}

#[tokio::test]
async fn b_13_a_reply_over_the_limit_fails_and_names_both_sizes() {
    let large =
        function(|_: FunctionExecution, (): ()| async { Ok::<_, Failure>("x".repeat(5_000)) });
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("f", large.clone()))
        .master(|master| master.max_payload_bytes(4_000))
        .start()
        .await
        .unwrap();
    let failure = expect::failure(&started(&cluster).await, TaskStatus::Failed).await;
    assert_eq!(failure.kind, FailureKind::TooLarge);
    assert_eq!(failure.message, "the result has 5002 bytes; the master takes 4000");
    assert_eq!(failure.to_json()["errorType"], "FunctionResponseTooLarge");
    cluster.stop().await;
}

#[tokio::test]
async fn b_14_an_error_without_a_value_is_told_as_itself() {
    let json = failure_json(function(|_: FunctionExecution, (): ()| async {
        Err::<Option<()>, _>(Failure::new("disk is full"))
    }))
    .await;
    assert_eq!(json["errorMessage"], "disk is full");
}

/// The summary of a call: the same fields however it ended.
fn check(outcome: &Outcome, request: &str) -> Value {
    let json = outcome.summary.to_json();
    assert_eq!(json["requestId"], request);
    assert_eq!(json["attempts"], 1);
    for figure in ["queued", "duration", "billingDuration"] {
        assert!(json[figure].is_number(), "{json}");
    }
    let (ran, billed) = (outcome.summary.ran, outcome.summary.billed());
    assert!(billed >= ran && billed - ran < Duration::from_millis(1), "{json}");
    assert_eq!(json["memorySize"], 128.0);
    // Functions of one process share its memory.
    assert!(json["memoryUsed"].is_null() && json["notMeasured"]["memoryUsed"].is_string());
    json
}

#[tokio::test]
async fn b_15_every_call_has_a_summary_on_success_and_on_failure() {
    let spin = |_: FunctionExecution, fails: bool| {
        let begun = std::time::Instant::now();
        while begun.elapsed() < Duration::from_millis(20) {
            std::hint::spin_loop();
        }
        if fails { Err(Failure::new("as asked")) } else { Ok(()) }
    };
    let short = |_: FunctionExecution, fails: bool| async move {
        if fails { Err(Failure::new("as asked")) } else { Ok(()) }
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            slave
                .function("blocking", blocking(spin).memory_limit(128 << 20))
                .function("inline", function(short).inline().memory_limit(128 << 20))
                .function("async", function(short).memory_limit(128 << 20))
        })
        .start()
        .await
        .unwrap();
    for name in ["blocking", "inline", "async"] {
        for fails in [false, true] {
            let task = cluster.connection(0).new_task(json!(fails)).unwrap().function(name);
            let running = task.start().await.unwrap();
            let outcome = expect::ended(&running).await;
            assert_eq!(outcome.is_completed(), !fails);
            let json = check(&outcome, &running.id().uuid().to_string());
            if name == "blocking" {
                assert!(outcome.summary.cpu.unwrap() > Duration::ZERO, "{json}");
            } else {
                assert!(json["cpuUsed"].is_null() && json["notMeasured"]["cpuUsed"].is_string());
            }
        }
    }
    cluster.stop().await;
}

#[test]
fn b_17_what_is_no_function_does_not_register() {
    trybuild::TestCases::new().compile_fail("conformance/compile_fail/b_17_*.rs");
}
