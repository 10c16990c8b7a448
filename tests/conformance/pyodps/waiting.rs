//! D-20: waits for instances, one, any or all of them.

use std::time::Duration;

use selsyn::{ControlError, ExecutionId, TaskId, TaskStatus};
use selsyn_testing::{Gate, expect};
use serde_json::json;

use super::instances;

#[tokio::test]
async fn a_wait_for_any_gives_the_first_that_ended_and_the_others_go_on() {
    let gate = Gate::closed();
    let (cluster, control) = instances(&gate).await;
    let waits = control.start("wait", 1).unwrap().await.unwrap().id();
    let stopped = control.start("wait_for_abort", ()).unwrap().await.unwrap().id();
    let short = Some(Duration::from_millis(20));
    let error = control.wait_for_any([waits, stopped], short).await.unwrap_err();
    assert!(matches!(error, ControlError::Elapsed { id, .. } if id == waits), "{error}");
    let any = tokio::spawn({
        let control = control.clone();
        async move { control.wait_for_any([waits, stopped], Some(expect::LIMIT)).await }
    });
    control.stop(stopped, "enough").await.unwrap();
    let (id, outcome) = any.await.unwrap().unwrap();
    assert_eq!((id, outcome.status), (stopped, TaskStatus::Aborted));
    gate.open();
    control.wait_for_completion(waits, Some(expect::LIMIT)).await.unwrap();
    // Both have ended: the one that did so first counts, wherever it is named.
    let (id, _) = control.wait_for_any([waits, stopped], short).await.unwrap();
    assert_eq!(id, stopped);
    let stranger = ExecutionId::first(TaskId::from_random([9; 16]));
    let running = control.start("wait_for_abort", json!(null)).unwrap().await.unwrap().id();
    let error = control.wait_for_any([running, stranger], None).await.unwrap_err();
    assert!(matches!(error, ControlError::NotFound { id } if id == stranger), "{error}");
    assert_eq!(control.wait_for_any([], None).await.unwrap_err().code(), "E0304");
    cluster.stop().await;
}

#[tokio::test]
async fn d_20_a_wait_that_is_dropped_or_too_short_is_no_end_and_leaves_it_alone() {
    let gate = Gate::closed();
    let (cluster, control) = instances(&gate).await;
    let id = control.start("wait", 5).unwrap().await.unwrap().id();
    let short = Some(Duration::from_millis(20));
    let error = control.wait_for_completion(id, short).await.unwrap_err();
    assert!(matches!(error, ControlError::Elapsed { id: of, .. } if of == id), "{error}");
    assert_eq!((error.code(), error.execution()), ("E0506", Some(id)));
    let dropped =
        tokio::time::timeout(Duration::from_millis(20), control.wait_for_completion(id, None));
    dropped.await.unwrap_err();
    assert!(!control.get(id).await.unwrap().is_ended());
    assert_eq!(control.result(id).await.unwrap_err().code(), "E0305");
    gate.open();
    let value: i32 = control.wait_for_success(id, Some(expect::LIMIT)).await.unwrap();
    assert_eq!(value, 5);
    cluster.stop().await;
}

#[tokio::test]
async fn a_wait_for_all_gives_every_end_in_the_order_of_the_ids() {
    let gate = Gate::closed();
    let (cluster, control) = instances(&gate).await;
    let mut started = Vec::new();
    for function in ["wait", "fail", "wait_for_abort"] {
        started.push(control.start(function, "x").unwrap().await.unwrap().id());
    }
    control.stop(started[2], "").await.unwrap();
    gate.open();
    let ends = control.wait_for_all(started.clone(), Some(expect::LIMIT)).await.unwrap();
    let ends: Vec<_> = ends.iter().map(|outcome| outcome.status).collect();
    assert_eq!(ends, [TaskStatus::Completed, TaskStatus::Failed, TaskStatus::Aborted]);
    let listed = control.statuses(started.clone()).await.unwrap();
    assert_eq!(listed.len(), 3);
    cluster.stop().await;
}
