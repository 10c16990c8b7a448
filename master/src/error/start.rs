//! Why a task did not start.

use std::time::Duration;

use selsyn_common::{
    ErrorCode, FailedTask, Failure, FailureKind, Payload, Ran, Refusal, TaskId, TaskStatus,
};

use super::{ConnectError, HookError, InsideRuntime};
use crate::running::RunningTask;

/// What a task that did not start leaves behind: its id, and the data it was given.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NotStarted {
    /// Which task.
    pub id: TaskId,
    /// The data, as `new_task` took it.
    pub data: Payload,
}

/// Why a task did not start. Every variant but [`StartError::Unknown`] is final: the function
/// did not run, and never will under this id.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The before_start hook failed; nothing was sent.
    #[error("the before_start hook failed: {said}")]
    Hook {
        /// What was not started.
        task: NotStarted,
        /// What the hook said.
        said: HookError,
    },
    /// The data is larger than the slave takes; nothing was sent.
    #[error("the data has {bytes} bytes; slave {connection} takes {limit}")]
    TooLarge {
        /// What was not started.
        task: NotStarted,
        /// The connection.
        connection: String,
        /// How large the data is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The slave said no: the refusal's reason, data and `retry_after` say more.
    #[error("slave {connection} refused the task: {refusal}")]
    Refused {
        /// What was not started.
        task: NotStarted,
        /// The connection.
        connection: String,
        /// Code, message and data of the slave.
        refusal: Box<Refusal>,
    },
    /// The start deadline passed while the connection was not up; nothing was sent.
    #[error("slave {connection} was not connected within {waited:.1?}{}", because(source.as_deref()))]
    Deadline {
        /// What was not started.
        task: NotStarted,
        /// The connection.
        connection: String,
        /// How long was waited.
        waited: Duration,
        /// What the last dial met, if one has failed meanwhile.
        source: Option<Box<ConnectError>>,
    },
    /// The start was not answered in time and was cancelled; the slave promised that it never
    /// runs. A before_task hook that thinks for too long is a reason.
    #[error(
        "slave {connection} did not answer the start in time, and promised that the task never runs"
    )]
    Forbidden {
        /// What was not started.
        task: NotStarted,
        /// The connection.
        connection: String,
    },
    /// The connection was never made: its attempts are spent.
    #[error("slave {connection} is not connected: {source}")]
    NotConnected {
        /// What was not started.
        task: NotStarted,
        /// The connection.
        connection: String,
        /// Why it was not made.
        source: Box<ConnectError>,
    },
    /// The connection was disconnected or detached: connect anew.
    #[error("connection {connection} is closed")]
    Closed {
        /// What was not started.
        task: NotStarted,
        /// The connection.
        connection: String,
    },
    /// The connection carries as many tasks as it may: join some first.
    #[error("connection {connection} carries {limit} tasks, as many as it may")]
    TooManyInFlight {
        /// What was not started.
        task: NotStarted,
        /// The connection.
        connection: String,
        /// How many it may carry.
        limit: usize,
    },
    /// What the task belongs to, its parent or its group, was stopped before the task had started.
    /// A function that passes this on with `?` ends as one that stopped because it was asked to.
    #[error("the task for slave {} was stopped before it started: {}", .source.connection, .source.failure)]
    Stopped {
        /// What was not started.
        task: NotStarted,
        /// Where it was to run, and why it was stopped.
        source: FailedTask,
    },
    /// No slave of a group took the task before the start deadline, or none ever will: `said` has
    /// what each said last, in the order of the group. Start more slaves, or wait longer.
    #[error("none of {} slaves took the task within {waited:.1?}: {}", said.len(), list(said))]
    NoSlaveTook {
        /// What was not started.
        task: NotStarted,
        /// How long was waited.
        waited: Duration,
        /// What each said last.
        said: Vec<StartError>,
    },
    /// A blocking call inside an async runtime: no hook was asked, nothing was sent.
    #[error("{source}")]
    InsideRuntime {
        /// What was not started.
        task: NotStarted,
        /// Which call it was.
        source: InsideRuntime,
    },
    /// The start was sent and not answered: in time, or before contact was lost. Join the task:
    /// it ends as accepted (and stopped, as it was cancelled), START_FAILED, or LOST.
    #[error("slave {} did not say whether the task started", .0.connection())]
    Unknown(RunningTask),
}

impl StartError {
    /// The row of the table of codes.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Hook { .. } => ErrorCode::StartHookFailed,
            Self::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            Self::Refused { refusal, .. } => refusal.reason,
            Self::Deadline { .. } => ErrorCode::StartDeadline,
            Self::Forbidden { .. } => ErrorCode::StartForbidden,
            Self::NotConnected { .. } | Self::Closed { .. } => ErrorCode::ConnectionGone,
            Self::TooManyInFlight { .. } => ErrorCode::TooManyInFlight,
            Self::Stopped { .. } => ErrorCode::StartStopped,
            Self::NoSlaveTook { .. } => ErrorCode::NoSlaveTook,
            Self::InsideRuntime { .. } => ErrorCode::InsideRuntime,
            Self::Unknown(_) => ErrorCode::StartUnknown,
        }
    }

    /// The code that people look up.
    pub fn code(&self) -> &'static str {
        self.error_code().as_str()
    }

    fn not_started(&self) -> Result<&NotStarted, &RunningTask> {
        match self {
            Self::Hook { task, .. }
            | Self::TooLarge { task, .. }
            | Self::Refused { task, .. }
            | Self::Deadline { task, .. }
            | Self::Forbidden { task, .. }
            | Self::NotConnected { task, .. }
            | Self::Closed { task, .. }
            | Self::TooManyInFlight { task, .. }
            | Self::Stopped { task, .. }
            | Self::NoSlaveTook { task, .. }
            | Self::InsideRuntime { task, .. } => Ok(task),
            Self::Unknown(running) => Err(running),
        }
    }

    /// Which task.
    pub fn task_id(&self) -> TaskId {
        self.not_started().map_or_else(RunningTask::id, |task| task.id)
    }

    /// The data, as `new_task` took it: what could not be sent comes back.
    pub fn data(&self) -> &Payload {
        self.not_started().map_or_else(RunningTask::data, |task| &task.data)
    }

    /// Where the task stands: START_FAILED, or for [`StartError::Unknown`] what it is by now.
    pub fn status(&self) -> TaskStatus {
        self.not_started().map_or_else(RunningTask::status, |_| TaskStatus::StartFailed)
    }

    /// Whether the function ran: `No` invites a retry.
    pub const fn ran(&self) -> Ran {
        match self {
            Self::Unknown(_) => Ran::Unknown,
            _ => Ran::No,
        }
    }

    /// The same as the failure of a task: its message, and the data the slave gave along.
    pub fn failure(&self) -> Failure {
        let kind = match self {
            Self::Stopped { .. } => FailureKind::Aborted,
            _ => FailureKind::Refused,
        };
        let mut failure = Failure::of(kind, self.to_string(), self.ran());
        failure.data = self.refusal().and_then(|refusal| refusal.data.clone());
        failure.push_trace(format!("{}: {}", self.code(), self.error_code().meaning()));
        failure
    }

    /// What the slave said, if it was the slave that said no.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

fn list(said: &[StartError]) -> String {
    said.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn because(dial: Option<&ConnectError>) -> String {
    dial.map_or_else(String::new, |error| format!(": {error}"))
}
