//! Why a task that was started gives no value, or not yet.

use std::time::Duration;

use selsyn_common::{ErrorCode, Failure, PayloadError, TaskId, TaskStatus};

/// Why a task that was started gives no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The task did not complete.
    #[error("task {task} on {connection} ended {status}: {failure}")]
    NotCompleted {
        /// Which task.
        task: TaskId,
        /// The connection.
        connection: String,
        /// The verdict.
        status: TaskStatus,
        /// Why.
        failure: Box<Failure>,
    },
    /// The task completed, and its value is not of the type that was asked for.
    #[error("task {task} on {connection} completed: {source}")]
    Unreadable {
        /// Which task.
        task: TaskId,
        /// The connection.
        connection: String,
        /// Where the reading failed.
        source: PayloadError,
    },
}

impl JoinError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotCompleted { failure, .. } => failure.code(),
            Self::Unreadable { .. } => ErrorCode::ResultUnreadable.as_str(),
        }
    }

    /// Why the task did not complete.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::NotCompleted { failure, .. } => Some(failure),
            Self::Unreadable { .. } => None,
        }
    }
}

/// A wait ended before the task did; the task goes on, and can be joined again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("task {task} did not end within {waited:?}; it goes on")]
pub struct Elapsed {
    /// Which task.
    pub task: TaskId,
    /// How long was waited.
    pub waited: Duration,
}

impl Elapsed {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        ErrorCode::JoinElapsed.as_str()
    }
}
