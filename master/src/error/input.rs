//! Why a running task was handed nothing.

use selsyn_common::{ErrorCode, PayloadError, TaskId};

/// Why a running task was handed nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The task has ended: it takes nothing any more.
    #[error("task {task} has ended: it takes no input")]
    Ended {
        /// Which task.
        task: TaskId,
    },
    /// The input cannot be encoded: give another one.
    #[error("task {task} was handed nothing: {source}")]
    Encode {
        /// Which task.
        task: TaskId,
        /// What is wrong with it.
        source: PayloadError,
    },
    /// The slave takes no payload of this size: cut it.
    #[error("the input for task {task} has {bytes} bytes; the slave takes {limit}")]
    TooLarge {
        /// Which task.
        task: TaskId,
        /// Its size.
        bytes: usize,
        /// The slave's limit.
        limit: usize,
    },
}

impl InputError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        let row = match self {
            Self::Ended { .. } => ErrorCode::TaskEnded,
            Self::Encode { .. } => ErrorCode::NotEncodable,
            Self::TooLarge { .. } => ErrorCode::PayloadTooLarge,
        };
        row.as_str()
    }
}
