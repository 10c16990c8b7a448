//! C-01, C-03 to C-10: a call, its arguments and its value.

use std::collections::BTreeMap;

use selsyn::{ExecuteError, Failure, FunctionCallError, FunctionExecution};
use selsyn_testing::{Gate, expect};
use serde_json::{Value, json};

use super::{Sleep, completed, environment, waiting};

#[tokio::test]
async fn c_01_a_call_by_position_and_by_name_is_accepted_with_its_item_and_uid() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let connection = cluster.connection(0);
    let by_position = connection.function("sleep").args([0.01]);
    let by_name = connection.function("sleep").kwargs(Sleep { time: 0.01 });
    for call in [by_position, by_name] {
        let reply = call.user("ada").user_group("lab").execute().await.unwrap();
        let json = reply.to_json();
        assert_eq!((&json["success"], &json["msg"]), (&json!(true), &json!("")));
        assert!(json["task_uid"].is_string());
        let item = &json["item"];
        assert_eq!((&item["name"], &item["item_type"]), (&json!("sleep"), &json!("function")));
        assert_eq!((&item["user"], &item["user_group"]), (&json!("ada"), &json!("lab")));
        assert_eq!(item["item_uid"], json["task_uid"]);
        assert!(completed(&calls, &reply.task_uid).await.success);
    }
    cluster.stop().await;
}

#[tokio::test]
async fn c_03_who_waits_for_the_end_finds_the_result() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let reply = calls.function("sleep").args([0.01]).execute().await.unwrap();
    let ended = completed(&calls, &reply.task_uid).await;
    assert!(ended.time_stop > ended.time_start && !ended.run_in_background);
    let json = calls.task_result(&reply.task_uid).await.unwrap().to_json();
    assert_eq!(json["status"], "completed");
    let result = &json["result"];
    assert_eq!(result["return_value"], json!({"success": true, "time": 0.01}));
    assert_eq!((&result["success"], &result["msg"]), (&json!(true), &json!("")));
    assert_eq!(result["traceback"], "");
    assert!(result["time_start"].is_f64() && result["time_stop"].is_f64());
    cluster.stop().await;
}

#[tokio::test]
async fn c_04_calls_in_the_background_share_memory_while_something_runs_in_front() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let in_front = waiting(&calls, false).await;
    let push = calls.function("push").args(["a"]).run_in_background(true).execute().await;
    assert!(completed(&calls, &push.unwrap().task_uid).await.success);
    let pop = calls.function("pop").run_in_background(true).execute().await;
    let popped = completed(&calls, &pop.unwrap().task_uid).await;
    assert_eq!((popped.return_value, popped.run_in_background), (json!("a"), true));
    gate.open();
    assert!(completed(&calls, &in_front).await.success);

    // A task that was started as a task, and not as a call, is as good.
    gate.close();
    let task = cluster.connection(0).new_task(json!(1)).unwrap().function("wait").foreground();
    let running = task.start().await.unwrap();
    let push = calls.function("push").args(["b"]).run_in_background(true).execute().await;
    assert!(completed(&calls, &push.unwrap().task_uid).await.success);
    gate.open();
    expect::completed(&running).await;
    cluster.stop().await;
}

#[tokio::test]
async fn c_06_a_function_that_is_added_at_run_time_can_be_called_by_name() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let add = |_: FunctionExecution, n: BTreeMap<String, i64>| async move {
        Ok::<_, Failure>(n.values().sum::<i64>())
    };
    cluster.slave(0).add_function("added", add).unwrap();
    let reply = calls.function("added").kwargs(json!({"a": 2, "b": 3})).execute().await.unwrap();
    assert_eq!(completed(&calls, &reply.task_uid).await.return_value, 5);
    cluster.stop().await;
}

#[tokio::test]
async fn c_07_values_come_back_as_they_went() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let values = [
        json!(10),
        json!("test"),
        json!([1, 2, 3]),
        json!((1, "x")),
        json!({"key": 1.0}),
        json!(null),
    ];
    for value in values {
        let reply = calls.function("first").args([&value]).execute().await.unwrap();
        assert_eq!(completed(&calls, &reply.task_uid).await.return_value, value);
    }
    cluster.stop().await;
}

/// A map whose keys are no texts: serde has no JSON for it.
fn not_json() -> BTreeMap<(i32, i32), i32> {
    BTreeMap::from([((1, 2), 3)])
}

#[tokio::test]
async fn c_08_an_argument_that_cannot_be_encoded_fails_at_the_caller_and_nothing_is_sent() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let error = calls.function("first").args([not_json()]).execute().await.unwrap_err();
    assert!(matches!(error, ExecuteError::Invalid(FunctionCallError::NotEncodable(_))), "{error}");
    assert_eq!((error.code(), error.ran()), ("E0115", selsyn::Ran::No));
    assert!(calls.control().list().await.unwrap().is_empty());
    cluster.stop().await;
}

#[tokio::test]
async fn c_09_a_value_that_cannot_be_encoded_fails_the_task_and_its_type_is_named() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let bad = |_: FunctionExecution, (): ()| async { Ok::<_, Failure>(not_json()) };
    cluster.slave(0).add_function("bad", bad).unwrap();
    let reply = calls.function("bad").execute().await.unwrap();
    let ended = completed(&calls, &reply.task_uid).await;
    assert_eq!((ended.success, ended.return_value), (false, Value::Null));
    assert!(ended.traceback.starts_with("Traceback"), "{}", ended.traceback);
    for text in [&ended.msg, &ended.traceback] {
        assert!(text.contains("BTreeMap"), "{text}");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn c_10_the_words_of_a_failure_are_in_message_and_trace() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let words = "-- Exception was raised!!! --";
    let reply = calls.function("fails").execute().await;
    assert!(matches!(reply, Err(ExecuteError::UnknownFunction(_))));
    let fails =
        move |_: FunctionExecution, (): ()| async move { Err::<(), _>(Failure::new(words)) };
    cluster.slave(0).add_function("fails", fails).unwrap();
    let reply = calls.function("fails").execute().await.unwrap();
    let ended = completed(&calls, &reply.task_uid).await;
    assert!(!ended.success && ended.msg.contains(words) && ended.traceback.contains(words));
    assert!(ended.return_value.is_null());
    cluster.stop().await;
}
