//! Says where a task stands, and which way it may go from there.
//!
//! ```text
//! IDLE ──start──▶ STARTING ──accept──▶ STARTED ──end──▶ COMPLETED │ FAILED │ ABORTED
//!                  │   │                                TIMED_OUT │ LOST
//!                  │   └──end (the verdict overtook the answer)──▶ …
//!                  └──fail_start──▶ START_FAILED
//! ```

#![deny(clippy::wildcard_enum_match_arm)]

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a task stands. The numbers up to `0x22` are DI-engine's `TaskStatus`.
///
/// Not `#[non_exhaustive]`: a match names every status, so that a new one is a compile error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[repr(u8)]
pub enum TaskStatus {
    /// Built, not sent.
    Idle = 0x00,
    /// Sent, or about to be; the slave has not answered.
    Starting = 0x11,
    /// The slave has accepted it.
    Started = 0x12,
    /// It never ran and never will.
    StartFailed = 0x13,
    /// It returned a value.
    Completed = 0x21,
    /// It ended with an error.
    Failed = 0x22,
    /// It was asked to stop and stopped, or was stopped after the grace.
    Aborted = 0x23,
    /// A deadline fired, whatever came then.
    TimedOut = 0x24,
    /// Nobody can say any more how it ended.
    Lost = 0x25,
}

/// What can happen to a task's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusChange {
    /// `start()` was called.
    Start,
    /// The slave accepted it.
    Accept,
    /// The start failed for good.
    FailStart,
    /// It ended with this verdict.
    End(TaskStatus),
}

/// A change that the picture does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a task that is {from} cannot {change:?}")]
pub struct IllegalChange {
    /// Where the task stands, and stays.
    pub from: TaskStatus,
    /// What was asked of it.
    pub change: StatusChange,
}

impl TaskStatus {
    /// Every status, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Starting,
        Self::Started,
        Self::StartFailed,
        Self::Completed,
        Self::Failed,
        Self::Aborted,
        Self::TimedOut,
        Self::Lost,
    ];

    /// The number on the wire and in DI-engine.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// Whether nothing can change it any more.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Idle | Self::Starting | Self::Started => false,
            Self::StartFailed
            | Self::Completed
            | Self::Failed
            | Self::Aborted
            | Self::TimedOut
            | Self::Lost => true,
        }
    }

    /// Whether it is how an execution ended: any final status but START_FAILED.
    pub const fn is_verdict(self) -> bool {
        self.is_final() && !matches!(self, Self::StartFailed)
    }

    /// The name used on the wire, in logs and in tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "IDLE",
            Self::Starting => "STARTING",
            Self::Started => "STARTED",
            Self::StartFailed => "START_FAILED",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
            Self::Aborted => "ABORTED",
            Self::TimedOut => "TIMED_OUT",
            Self::Lost => "LOST",
        }
    }

    /// The only way from one status to the next.
    ///
    /// # Errors
    ///
    /// [`IllegalChange`] when the picture has no such arrow; the status stays as it is.
    pub fn after(self, change: StatusChange) -> Result<Self, IllegalChange> {
        match (self, change) {
            (Self::Idle, StatusChange::Start) => Ok(Self::Starting),
            (Self::Idle | Self::Starting, StatusChange::FailStart) => Ok(Self::StartFailed),
            (Self::Starting, StatusChange::Accept) => Ok(Self::Started),
            (Self::Starting | Self::Started, StatusChange::End(verdict))
                if verdict.is_verdict() =>
            {
                Ok(verdict)
            }
            (from, change) => Err(IllegalChange { from, change }),
        }
    }
}

impl fmt::Display for TaskStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change() -> impl Strategy<Value = StatusChange> {
        prop_oneof![
            Just(StatusChange::Start),
            Just(StatusChange::Accept),
            Just(StatusChange::FailStart),
            prop::sample::select(TaskStatus::ALL.to_vec()).prop_map(StatusChange::End),
        ]
    }

    #[test]
    fn the_numbers_of_di_engine_are_kept() {
        let numbers = TaskStatus::ALL.map(TaskStatus::number);
        assert_eq!(numbers, [0x00, 0x11, 0x12, 0x13, 0x21, 0x22, 0x23, 0x24, 0x25]);
    }

    proptest! {
        #[test]
        fn a_final_status_never_changes(changes in prop::collection::vec(change(), 0..20)) {
            let mut status = TaskStatus::Idle;
            for change in changes {
                let before = status;
                status = status.after(change).unwrap_or(status);
                prop_assert!(!before.is_final() || before == status);
            }
        }

        #[test]
        fn no_task_ends_without_having_been_started(changes in prop::collection::vec(change(), 0..20)) {
            let mut status = TaskStatus::Idle;
            let mut started = false;
            for change in changes {
                started |= change == StatusChange::Start;
                status = status.after(change).unwrap_or(status);
                prop_assert!(!status.is_verdict() || started);
            }
        }
    }
}
