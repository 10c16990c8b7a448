//! Why a task that was started gives no value, or not yet.

use std::time::Duration;

use selsyn_common::{ErrorCode, FailedTask, Failure, PayloadError, TaskId};

use super::InsideRuntime;

/// Why a task that was started gives no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The task did not complete. A function that passes this on with `?` fails as the task did.
    #[error("task {} on {} ended {}: {}", .0.task, .0.connection, .0.status, .0.failure)]
    NotCompleted(#[from] FailedTask),
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
    /// A blocking call inside an async runtime: the task is untouched, and can be joined again.
    #[error(transparent)]
    InsideRuntime(#[from] InsideRuntime),
}

impl JoinError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotCompleted(task) => task.failure.code(),
            Self::Unreadable { .. } => ErrorCode::ResultUnreadable.as_str(),
            Self::InsideRuntime(error) => error.code(),
        }
    }

    /// Why the task did not complete.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::NotCompleted(task) => Some(&task.failure),
            Self::Unreadable { .. } | Self::InsideRuntime(_) => None,
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
