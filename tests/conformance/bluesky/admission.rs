//! C-12 to C-19: which calls are let in.

use selsyn::{ExecuteError, Failure, FunctionCall, FunctionCallError, FunctionExecution, Ran};
use selsyn_testing::{Gate, TestCluster, functions};
use serde_json::{Value, json};

use super::{completed, environment, functions_of, waiting};

/// Why a request cannot be read that differs from a good one in this.
fn refused(change: impl FnOnce(&mut Value)) -> FunctionCallError {
    let mut request = json!({
        "item": {"item_type": "function", "name": "sleep", "args": [1], "kwargs": {}},
        "user": "ada",
        "user_group": "primary",
        "run_in_background": false,
    });
    FunctionCall::from_json(&request).expect("it is a good one");
    change(&mut request);
    FunctionCall::from_json(&request).expect_err("it breaks a rule")
}

fn without(field: &str) -> FunctionCallError {
    refused(|request| drop(request.as_object_mut().unwrap().remove(field)))
}

#[test]
fn c_12_a_request_that_breaks_a_rule_is_refused_with_a_variant_of_its_own() {
    use FunctionCallError as Error;
    assert!(matches!(without("user"), Error::UserMissing));
    assert!(matches!(without("user_group"), Error::UserGroupMissing));
    assert!(matches!(refused(|r| r["user"] = json!("")), Error::UserMissing));
    assert!(matches!(without("item"), Error::ItemMissing));
    let name = refused(|r| drop(r["item"].as_object_mut().unwrap().remove("name")));
    assert!(matches!(name, Error::NameMissing));
    let args = refused(|r| r["item"]["args"] = json!(50));
    assert!(matches!(args, Error::ArgsNotAList { .. }), "{args}");
    let kwargs = refused(|r| r["item"]["kwargs"] = json!(50));
    assert!(matches!(kwargs, Error::KwargsNotAMap { .. }), "{kwargs}");
    for item_type in ["plan", "instruction", "other"] {
        let error = refused(|r| r["item"]["item_type"] = json!(item_type));
        assert!(matches!(error, Error::ItemType { .. }));
        assert!(error.to_string().contains("unsupported 'item_type' value"), "{error}");
    }
    let stranger = refused(|r| r["priority"] = json!(1));
    assert!(matches!(stranger, Error::UnsupportedParameter { name } if name == "priority"));
    let flag = refused(|r| r["run_in_background"] = json!("yes"));
    assert!(matches!(flag, Error::WrongType { name: "run_in_background", .. }));
    assert!(matches!(refused(|r| r["item"] = json!(5)), Error::ItemNotAnObject { .. }));
    assert!(matches!(refused(|r| *r = json!([])), Error::NotAnObject { .. }));
}

#[tokio::test]
async fn c_13_a_function_that_is_not_defined_is_refused_with_advice_and_has_not_run() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let error = calls.function("slep").execute().await.unwrap_err();
    assert!(matches!(error, ExecuteError::UnknownFunction(_)));
    assert_eq!((error.code(), error.ran()), ("E0101", Ran::No));
    assert_eq!(error.to_string(), "there is no function slep; did you mean sleep?");
    let far = calls.function("zzzzzz").execute().await.unwrap_err();
    assert!(far.to_string().contains("it has add, echo"), "{far}");

    let reply = far.to_json();
    assert_eq!((&reply["success"], &reply["task_uid"]), (&json!(false), &json!(null)));
    assert_eq!(reply["item"]["name"], "zzzzzz");
    assert!(reply["item"].get("item_uid").is_none());
    cluster.stop().await;
}

#[tokio::test]
async fn c_15_a_second_call_in_front_is_refused_naming_idle_the_state_and_the_holder() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let first = waiting(&calls, false).await;
    let error = calls.function("sleep").args([0]).execute().await.unwrap_err();
    assert!(matches!(error, ExecuteError::NotIdle(_)), "{error}");
    assert_eq!((error.code(), error.ran()), ("E0110", Ran::No));
    let holder = first.execution().unwrap().to_string();
    for word in ["idle", "executing_task", &holder] {
        assert!(error.to_string().contains(word), "{error}");
    }
    gate.open();
    assert!(completed(&calls, &first).await.success);
    cluster.stop().await;
}

#[tokio::test]
async fn c_19_functions_methods_callable_objects_and_closures_can_be_called() {
    struct Scale(i64);
    impl Scale {
        async fn method(self: std::sync::Arc<Self>, n: i64) -> Result<i64, Failure> {
            Ok(self.0 * n)
        }
        async fn associated(_: FunctionExecution, (n,): (i64,)) -> Result<i64, Failure> {
            Ok(n + 1)
        }
    }
    async fn free(_: FunctionExecution, (n,): (i64,)) -> Result<i64, Failure> {
        Ok(n)
    }
    let (cluster, calls) = environment(&Gate::closed()).await;
    let (slave, scale) = (cluster.slave(0), std::sync::Arc::new(Scale(3)));
    slave.add_function("free", free).unwrap();
    slave.add_function("associated", Scale::associated).unwrap();
    let method = move |_: FunctionExecution, (n,): (i64,)| std::sync::Arc::clone(&scale).method(n);
    slave.add_function("method", method).unwrap();
    slave.add_function("object", functions::echo()).unwrap();
    for (name, value) in [("free", json!(7)), ("associated", json!(8)), ("method", json!(21))] {
        let reply = calls.function(name).args([7]).execute().await.unwrap();
        assert_eq!(completed(&calls, &reply.task_uid).await.return_value, value);
    }
    let reply = calls.function("object").args([7]).execute().await.unwrap();
    assert_eq!(completed(&calls, &reply.task_uid).await.return_value, json!([7]));
    cluster.stop().await;
}

#[test]
fn c_19_what_cannot_be_called_does_not_register() {
    trybuild::TestCases::new().compile_fail("conformance/compile_fail/c_19_*.rs");
}

#[tokio::test]
async fn a_call_in_the_background_beyond_slots_and_queue_is_refused_with_both_figures() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| functions_of(slave.slots(1).queue(1, 1_000), &opened))
        .start()
        .await
        .unwrap();
    let calls = cluster.connection(0).function_calls();
    let (running, queued) = (waiting(&calls, true).await, waiting(&calls, true).await);
    let third = calls.function("wait").run_in_background(true).execute().await.unwrap_err();
    assert!(matches!(third, ExecuteError::Busy(_)), "{third}");
    assert_eq!(third.to_string(), "queue is full (1 tasks, 1 running)");
    gate.open();
    assert!(completed(&calls, &running).await.success && completed(&calls, &queued).await.success);
    cluster.stop().await;
}

#[tokio::test]
async fn a_call_that_is_made_again_under_its_id_starts_nothing_twice() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let id = selsyn::TaskId::from_random([7; 16]);
    let call = || calls.function("wait").task_id(id).execute();
    let (one, two) = (call().await.unwrap(), call().await.unwrap());
    assert_eq!(one, two);
    assert_eq!(calls.control().list().await.unwrap().len(), 1);
    gate.open();
    cluster.stop().await;
}
