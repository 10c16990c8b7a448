//! Waits that are bounded, and say what they waited for.
//!
//! Each panics with a sentence when what it expects does not come within [`LIMIT`]: in a test
//! that is a failure to read, not a hang to guess at.

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use selsyn::{Connection, ConnectionState, Failure, Outcome, RunningTask, TaskEvent, TaskStatus};
use tokio::time::timeout;

/// How long anything may take: far more than it needs on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Waits for anything, with a name for the case that it does not come.
///
/// # Panics
///
/// When it does not come in time.
///
/// # Cancel safety
///
/// Safe to drop; nothing is lost but the wait.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(LIMIT, future).await {
        Ok(value) => value,
        Err(_) => panic!("expected {what} within {LIMIT:?}, and it did not come"),
    }
}

/// Waits until `check` holds, looking again every few milliseconds; for what has no event.
///
/// # Panics
///
/// When it does not hold in time.
///
/// # Cancel safety
///
/// Safe to drop; nothing is lost but the wait.
pub async fn eventually(what: &str, check: impl Fn() -> bool) {
    let holds = async {
        while !check() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(what, holds).await;
}

/// Waits until the function has begun to run.
///
/// # Panics
///
/// When it does not, or when the task has ended.
///
/// # Cancel safety
///
/// Safe to drop; nothing is lost but the wait.
pub async fn running(task: &RunningTask) {
    let mut events = task.events();
    let begun = async {
        while let Some(event) = events.next().await {
            match event {
                TaskEvent::Running | TaskEvent::Output(_) => return,
                TaskEvent::Ended(outcome) => {
                    panic!("expected a running task, and it has ended {}", said(&outcome))
                }
                _ => {}
            }
        }
    };
    soon(&format!("task {} to run", task.id()), begun).await;
}

/// Waits for the end, whatever it is.
///
/// # Panics
///
/// When the task does not end in time.
///
/// # Cancel safety
///
/// Safe to drop; nothing is lost but the wait.
pub async fn ended(task: &RunningTask) -> Outcome {
    let what = format!("task {} on {} to end", task.id(), task.connection());
    soon(&what, task.join()).await
}

/// Waits for the end, which must be COMPLETED.
///
/// # Panics
///
/// When the task does not end in time, or ends otherwise.
///
/// # Cancel safety
///
/// Safe to drop; nothing is lost but the wait.
pub async fn completed(task: &RunningTask) -> Outcome {
    ended_as(task, TaskStatus::Completed).await
}

/// Waits for the end, which must be this verdict.
///
/// # Panics
///
/// When the task does not end in time, or ends otherwise.
///
/// # Cancel safety
///
/// Safe to drop; nothing is lost but the wait.
pub async fn ended_as(task: &RunningTask, status: TaskStatus) -> Outcome {
    let outcome = ended(task).await;
    assert!(outcome.status == status, "expected {status}, and it ended {}", said(&outcome));
    outcome
}

/// Waits for the end, which must be this verdict and not COMPLETED; gives the failure.
///
/// # Panics
///
/// When the task does not end in time, or ends otherwise.
///
/// # Cancel safety
///
/// Safe to drop; nothing is lost but the wait.
pub async fn failure(task: &RunningTask, status: TaskStatus) -> Failure {
    let outcome = ended_as(task, status).await;
    outcome.result.expect_err("every status but COMPLETED has a failure")
}

/// Waits until the connection looks like this.
///
/// # Panics
///
/// When it does not in time, or has ended for good.
///
/// # Cancel safety
///
/// Safe to drop; nothing is lost but the wait.
pub async fn state(connection: &Connection, wanted: ConnectionState) {
    let what = format!("connection {} to be {wanted}", connection.name());
    let found = soon(&what, connection.wait_until(|state| state == wanted)).await;
    assert!(found == wanted, "expected {what}, and it is {found}");
}

/// Takes the error out of a result that must be one.
///
/// # Panics
///
/// When it is none.
pub fn error<T: Debug, E>(result: Result<T, E>) -> E {
    match result {
        Ok(value) => panic!("expected an error, and got {value:?}"),
        Err(error) => error,
    }
}

fn said(outcome: &Outcome) -> String {
    match outcome.failure() {
        Some(failure) => format!("{}: {failure} ({})", outcome.status, failure.ran),
        None => outcome.status.to_string(),
    }
}
