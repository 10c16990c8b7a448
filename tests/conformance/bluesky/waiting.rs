//! C-39 to C-43: waits for tasks by their uids.

use std::net::TcpListener;
use std::time::{Duration, SystemTime};

use selsyn::{
    ControlError, Master, TaskState, TaskUids, TaskUidsError, WaitMonitor, WaitTasksError,
};
use selsyn_testing::{Gate, expect};
use serde_json::json;

use super::{environment, waiting};

#[tokio::test]
async fn c_39_a_wait_that_is_cancelled_or_too_short_leaves_the_task_alone() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let uid = waiting(&calls, true).await;
    let monitor = WaitMonitor::new();
    let wait = calls.wait_for_completed_task([&uid]).monitor(&monitor);
    let wait = tokio::spawn(async move { wait.await });
    let begun = || monitor.time_start().is_some();
    expect::eventually("the wait to begin", begun).await;
    monitor.cancel();
    let error = expect::soon("the wait to end", wait).await.unwrap().unwrap_err();
    assert!(matches!(error, WaitTasksError::Cancelled { .. }) && monitor.is_cancelled());

    let limit = Duration::from_millis(20);
    let error = calls.wait_for_completed_task([&uid]).timeout(limit).await.unwrap_err();
    assert!(matches!(error, WaitTasksError::TimedOut { limit: of } if of == limit), "{error}");
    assert_eq!(calls.task_status(&uid).await.unwrap(), TaskState::Running);
    gate.open();
    let ended = calls.wait_for_completed_task([&uid]).timeout(expect::LIMIT).await.unwrap();
    assert_eq!(ended[&uid], TaskState::Completed);
    cluster.stop().await;
}

#[tokio::test]
async fn c_40_a_wait_for_no_task_is_a_parameter_error() {
    let (cluster, calls) = environment(&Gate::closed()).await;
    let empty_text = calls.wait_for_completed_task([""]).await.unwrap_err();
    assert!(matches!(empty_text, WaitTasksError::Parameter(TaskUidsError::EmptyUid)));
    let none: [&str; 0] = [];
    let no_task = calls.wait_for_completed_task(none).await.unwrap_err();
    assert!(matches!(no_task, WaitTasksError::Parameter(TaskUidsError::NoTask)));
    assert_eq!(TaskUids::from_json(&json!("")), Err(TaskUidsError::EmptyUid));
    assert_eq!(TaskUids::from_json(&json!([])), Err(TaskUidsError::NoTask));
    let number = TaskUids::from_json(&json!(20));
    assert_eq!(number, Err(TaskUidsError::WrongType { found: "a number" }));
    cluster.stop().await;
}

#[tokio::test]
async fn c_42_a_wait_at_a_slave_that_is_not_there_says_so_and_is_not_a_wait_too_long() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let calls = Master::new().unwrap().control(address.to_string()).unwrap().function_calls();
    let uid = selsyn::TaskUid::from(selsyn::TaskId::from_random([1; 16]));
    let error = calls.wait_for_completed_task([uid]).timeout(expect::LIMIT).await.unwrap_err();
    assert!(matches!(error, WaitTasksError::Control(ControlError::Connect(_))), "{error}");
}

#[tokio::test]
async fn c_43_a_monitor_shows_when_the_wait_began_and_how_long_it_takes() {
    let gate = Gate::closed();
    let (cluster, calls) = environment(&gate).await;
    let (uid, monitor) = (waiting(&calls, true).await, WaitMonitor::new());
    assert_eq!((monitor.time_start(), monitor.limit()), (None, None));
    let limit = Duration::from_secs(10);
    let wait = calls.wait_for_completed_task([&uid]).timeout(limit).monitor(&monitor);
    let wait = tokio::spawn(async move { wait.await });
    let pause = Duration::from_millis(50);
    let looked = || monitor.elapsed() > pause;
    expect::eventually("the wait to go on for a while", looked).await;
    gate.open();
    expect::soon("the wait to end", wait).await.unwrap().unwrap();
    assert!(monitor.time_start().unwrap() <= SystemTime::now());
    assert!(monitor.elapsed() > pause && monitor.limit() == Some(limit));
    assert!(!monitor.is_cancelled());
    cluster.stop().await;
}
