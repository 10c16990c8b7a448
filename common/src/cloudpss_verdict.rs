//! The four words that CloudPSS has for the end of a job.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{FailureKind, Outcome, TaskStatus};

/// How CloudPSS calls the end of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloudPssVerdict {
    /// It ended well: exit code 0, and nobody had asked it to stop.
    Resolved,
    /// It failed: any other exit code, whether it was asked to stop or not.
    Rejected,
    /// It was asked to stop, and ended well: exit code 0.
    Aborted,
    /// Its time was over; or it was asked to stop, did not, and was stopped by force.
    TimedOut,
}

impl fmt::Display for CloudPssVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Resolved => "resolved",
            Self::Rejected => "rejected",
            Self::Aborted => "aborted",
            Self::TimedOut => "timed_out",
        })
    }
}

impl Outcome {
    /// The verdict in CloudPSS's words. It has none for LOST and START_FAILED: they read rejected.
    pub fn cloudpss_verdict(&self) -> CloudPssVerdict {
        let is_forced = self.failure().is_some_and(|failure| failure.kind == FailureKind::Killed);
        match self.status {
            TaskStatus::Completed => CloudPssVerdict::Resolved,
            TaskStatus::TimedOut => CloudPssVerdict::TimedOut,
            TaskStatus::Aborted if is_forced => CloudPssVerdict::TimedOut,
            TaskStatus::Aborted => CloudPssVerdict::Aborted,
            TaskStatus::Idle
            | TaskStatus::Starting
            | TaskStatus::Started
            | TaskStatus::StartFailed
            | TaskStatus::Failed
            | TaskStatus::Lost => CloudPssVerdict::Rejected,
        }
    }
}
