//! Says how an execution ended.

use crate::{Failure, FailureKind, LogTail, Payload, Ran, Summary, TaskStatus};

/// How an execution ended: the verdict, value or failure, and the figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict; any final status.
    pub status: TaskStatus,
    /// What the function returned, or why there is nothing.
    pub result: Result<Payload, Failure>,
    /// Figures about the execution.
    pub summary: Summary,
    /// How its log ended; `None` when it logged nothing.
    pub log_tail: Option<LogTail>,
    /// Messages of callbacks and hooks of the master that panicked; the others ran all the same.
    pub callback_panics: Vec<String>,
}

impl Outcome {
    /// The function returned a value.
    pub fn completed(value: Payload) -> Self {
        Self::new(TaskStatus::Completed, Ok(value))
    }

    /// Anything else happened; `status` is the verdict.
    pub fn failed(status: TaskStatus, failure: Failure) -> Self {
        Self::new(status, Err(failure))
    }

    /// Nobody can say any more how it ended.
    pub fn lost(message: impl Into<String>, ran: Ran) -> Self {
        Self::failed(TaskStatus::Lost, Failure::of(FailureKind::Lost, message, ran))
    }

    fn new(status: TaskStatus, result: Result<Payload, Failure>) -> Self {
        let (summary, log_tail, callback_panics) = Default::default();
        Self { status, result, summary, log_tail, callback_panics }
    }

    /// Whether the function returned a value.
    pub const fn is_completed(&self) -> bool {
        self.result.is_ok()
    }

    /// What the function returned.
    pub fn value(&self) -> Option<&Payload> {
        self.result.as_ref().ok()
    }

    /// Why there is no value.
    pub fn failure(&self) -> Option<&Failure> {
        self.result.as_ref().err()
    }
}
