//! How a start was answered.

use selsyn_common::{Failure, FailureKind, Outcome, Payload, Ran, Refusal, TaskStatus};

/// How a start was answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The slave took it; what its hook replied.
    Accepted(Option<Box<Payload>>),
    /// The slave did not.
    Refused(Box<Refusal>),
    /// The slave promised that it never runs.
    Forbidden,
    /// The data is larger than the slave takes.
    TooLarge(usize),
    /// The connection failed or was closed before anything was sent.
    NotSent,
    /// The start was sent, and contact was lost before it was answered.
    Lost,
    /// The connection carries as many tasks as it may.
    TooManyInFlight,
}

impl Answer {
    /// The outcome of a task that never ran, for those who hold it as a running task.
    pub(super) fn outcome(&self) -> Outcome {
        let (message, data) = match self {
            Self::Refused(refusal) => (refusal.message.clone(), refusal.data.clone()),
            Self::Forbidden => ("the start was cancelled, and never runs".to_owned(), None),
            Self::TooLarge(limit) => (format!("the data is larger than {limit} bytes"), None),
            Self::NotSent | Self::Lost | Self::TooManyInFlight | Self::Accepted(_) => {
                ("the start was not sent".to_owned(), None)
            }
        };
        let mut failure = Failure { data, ..Failure::of(FailureKind::Refused, message, Ran::No) };
        if let Self::Refused(refusal) = self {
            failure.push_trace(format!("{} ({})", refusal.reason.meaning(), refusal.code));
        }
        Outcome::failed(TaskStatus::StartFailed, failure)
    }
}
