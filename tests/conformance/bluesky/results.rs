//! C-30 to C-37: what is told of tasks by their uids.

use std::collections::BTreeMap;
use std::time::Duration;

use selsyn::{FunctionCalls, SlaveBuilder, TaskState, TaskUid, TaskUids, TaskUidsError};
use selsyn_testing::{Gate, TestCluster, expect};
use serde_json::{Value, json};

use super::{completed, environment, functions_of, waiting};

#[tokio::test]
async fn c_30_completed_running_and_unknown_are_told_apart() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let b = waiting(&calls, true).await;
    let a = calls.function("first").args(["payload"]).execute().await.unwrap().task_uid;
    assert_eq!(completed(&calls, &a).await.return_value, "payload");
    let running = calls.task_result(&b).await.unwrap().to_json();
    assert_eq!((&running["status"], &running["success"]), (&json!("running"), &json!(true)));
    let of_b = &running["result"];
    assert_eq!((&of_b["task_uid"], &of_b["run_in_background"]), (&json!(b.as_str()), &json!(true)));
    assert!(of_b["time_start"].is_f64());
    let unknown = calls.task_result("some_uid").await.unwrap().to_json();
    assert_eq!((&unknown["status"], &unknown["result"]), (&json!("not_found"), &json!({})));
    gate.open();
    cluster.stop().await;
}

/// A cluster of one slave that keeps results for this long.
async fn keeping(age: Duration) -> (TestCluster, FunctionCalls) {
    let gate = Gate::closed();
    let slaves =
        move |_, slave: SlaveBuilder| functions_of(slave, &gate).retention(age, 1_000, 1 << 20);
    let cluster = TestCluster::builder(1).slaves(slaves).start().await.unwrap();
    let calls = cluster.connection(0).function_calls();
    (cluster, calls)
}

async fn call(calls: &FunctionCalls) -> TaskUid {
    let uid = calls.function("first").execute().await.unwrap().task_uid;
    completed(calls, &uid).await;
    uid
}

/// Looks until a task is kept no more.
async fn gone(calls: &FunctionCalls, uid: &TaskUid) {
    let gone = async { while calls.task_status(uid).await.unwrap() != TaskState::NotFound {} };
    expect::soon("the task to be kept no more", gone).await;
}

#[tokio::test]
async fn c_32_results_go_one_after_the_other_as_they_came() {
    let (cluster, calls) = keeping(Duration::from_secs(2)).await;
    let a = call(&calls).await;
    let between = std::time::Instant::now();
    expect::eventually("a second to pass", || between.elapsed() > Duration::from_secs(1)).await;
    let b = call(&calls).await;
    for uid in [&a, &b] {
        assert_eq!(calls.task_status(uid).await.unwrap(), TaskState::Completed);
    }
    gone(&calls, &a).await;
    assert_eq!(calls.task_status(&b).await.unwrap(), TaskState::Completed);
    gone(&calls, &b).await;
    cluster.stop().await;
}

#[tokio::test]
async fn c_33_a_result_that_is_old_when_the_next_comes_is_gone() {
    let (cluster, calls) = keeping(Duration::from_secs(1)).await;
    let a = call(&calls).await;
    gone(&calls, &a).await;
    let b = call(&calls).await;
    assert_eq!(calls.task_status(&a).await.unwrap(), TaskState::NotFound);
    assert_eq!(calls.task_status(&b).await.unwrap(), TaskState::Completed);
    cluster.stop().await;
}

#[tokio::test]
async fn c_35_one_uid_is_answered_with_a_word_and_several_with_a_map() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let mut uids = Vec::new();
    for _ in 0..3 {
        uids.push(waiting(&calls, true).await);
    }
    assert_eq!(calls.task_status(&uids[0]).await.unwrap().name(), "running");
    for n in 1..=3 {
        let states = calls.task_statuses(&uids[..n]).await.unwrap();
        assert_eq!(states.len(), n);
        assert!(states.values().all(|state| *state == TaskState::Running));
    }
    gate.open();
    cluster.stop().await;
}

#[tokio::test]
async fn c_36_uids_that_nobody_has_are_not_found_each_once() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    assert_eq!(calls.task_status("some_uid").await.unwrap(), TaskState::NotFound);
    let states = calls.task_statuses(["uid1", "uid2"]).await.unwrap();
    let not_found = |uid: &str| (TaskUid::from(uid), TaskState::NotFound);
    assert_eq!(states, BTreeMap::from([not_found("uid1"), not_found("uid2")]));
    let states = calls.task_statuses(["uid1", "uid1"]).await.unwrap();
    assert_eq!(states, BTreeMap::from([not_found("uid1")]));
    cluster.stop().await;
}

#[test]
fn c_37_a_request_for_a_status_that_breaks_a_rule_is_refused_with_a_message_of_its_own() {
    let refused =
        |request: Value| TaskUids::from_request(request.as_object().unwrap()).unwrap_err();
    let missing = refused(json!({}));
    assert_eq!(missing, TaskUidsError::Missing);
    let unsupported = refused(json!({"task_uid": "a", "lock_key": "b"}));
    assert_eq!(unsupported, TaskUidsError::UnsupportedParameter { name: "lock_key".to_owned() });
    let number = refused(json!({"task_uid": 10}));
    assert_eq!(number, TaskUidsError::WrongType { found: "a number" });
    assert_eq!(number.code(), "E0304");
    let messages = [missing, unsupported, number].map(|error| error.to_string());
    assert!(messages[0] != messages[1] && messages[1] != messages[2]);
    let read = |uids| TaskUids::from_request(json!({"task_uid": uids}).as_object().unwrap());
    assert_eq!(read(json!(["a", "b", "a"])).unwrap().iter().count(), 2);
}
