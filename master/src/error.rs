//! Why something did not happen: one enum a question.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{
    EndpointError, ErrorCode, Failure, Payload, PayloadError, Ran, Refusal, TaskId, TaskStatus,
};

use crate::running::RunningTask;

/// Why a connection was not made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The master has a connection of this name: choose another, or disconnect the first.
    #[error("a connection named {name} exists already; it is untouched")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The master was closed: make another one.
    #[error("the master is closed")]
    MasterClosed,
    /// The address cannot be read.
    #[error("{address:?} is no address of a slave: {source}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// A setting cannot work: change it.
    #[error("{setting} {problem}")]
    Setting {
        /// The method that sets it.
        setting: &'static str,
        /// What is wrong with the value.
        problem: &'static str,
    },
    /// The address asks for TLS, which this version does not speak.
    #[error("{address} asks for TLS, which this version does not speak; use http://")]
    Tls {
        /// What was given.
        address: String,
    },
    /// The before_connect hook failed; nothing was dialled.
    #[error("the before_connect hook of {name} failed: {said}")]
    Hook {
        /// The connection.
        name: String,
        /// What the hook said.
        said: HookError,
    },
    /// Nobody answered: start the slave, check the address, or allow more attempts.
    #[error("{name} cannot be reached at {address} ({attempts} attempts): {source}")]
    Unreachable {
        /// The connection.
        name: String,
        /// Where it was dialled.
        address: String,
        /// How often it was dialled.
        attempts: u32,
        /// What the last attempt met.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The slave said no: channel, token, version, held by another master (501), or its
    /// before_connection hook (503).
    #[error("{name} was refused at {address}: {refusal}")]
    Refused {
        /// The connection.
        name: String,
        /// Where it was dialled.
        address: String,
        /// Code, message and data of the slave.
        refusal: Box<Refusal>,
    },
    /// The connection was disconnected, detached or dropped before it was up.
    #[error("{name} was closed before it was up")]
    Closed {
        /// The connection.
        name: String,
    },
}

impl ConnectError {
    /// The row of the table of codes.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::NameTaken { .. } => ErrorCode::NameTaken,
            Self::MasterClosed => ErrorCode::MasterClosed,
            Self::Address { .. } | Self::Tls { .. } => ErrorCode::AddressInvalid,
            Self::Setting { .. } => ErrorCode::SettingInvalid,
            Self::Hook { .. } => ErrorCode::ConnectHookFailed,
            Self::Unreachable { source, .. } if source.is::<GreetingTimeout>() => {
                ErrorCode::GreetingTimeout
            }
            Self::Unreachable { .. } => ErrorCode::Unreachable,
            Self::Refused { refusal, .. } => refusal.reason,
            Self::Closed { .. } => ErrorCode::ConnectionGone,
        }
    }

    /// The code that people look up.
    pub fn code(&self) -> &'static str {
        self.error_code().as_str()
    }

    /// What the slave said, if it was the slave that said no.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

/// The peer accepted the connection and never answered Hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it accepted the connection and did not greet within {patience:?}")]
pub struct GreetingTimeout {
    /// How long was waited.
    pub patience: Duration,
}

/// Why a connection was not ended in good order.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectError {
    /// The master has no connection of this name.
    #[error("there is no connection named {name}")]
    UnknownConnection {
        /// The name.
        name: String,
    },
    /// The before_disconnect hook failed; the slave was not asked, the connection lives.
    #[error("the before_disconnect hook of {name} failed: {said}")]
    Hook {
        /// The connection.
        name: String,
        /// What the hook said.
        said: HookError,
    },
    /// The slave's before_disconnection hook refused (504): the connection lives, tasks run on.
    #[error("{name} refused to be disconnected: {refusal}")]
    Refused {
        /// The connection.
        name: String,
        /// Code, message and data of the slave.
        refusal: Box<Refusal>,
    },
    /// The data for the slave's hook is larger than the slave takes: the connection lives.
    #[error("the data of the goodbye has {bytes} bytes; {name} takes {limit}")]
    TooLarge {
        /// The connection.
        name: String,
        /// How large the data is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The slave did not answer in time, or could not be asked. The connection is closed all the
    /// same, and tasks that were running end LOST.
    #[error("{name} was closed without the slave's goodbye: {why}")]
    NoGoodbye {
        /// The connection.
        name: String,
        /// What happened instead.
        why: &'static str,
    },
}

impl DisconnectError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        let row = match self {
            Self::UnknownConnection { .. } => ErrorCode::UnknownConnection,
            Self::Hook { .. } => ErrorCode::DisconnectHookFailed,
            Self::Refused { .. } => ErrorCode::DisconnectRefused,
            Self::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            Self::NoGoodbye { .. } => ErrorCode::DisconnectTimeout,
        };
        row.as_str()
    }

    /// What the slave said, if it was the slave that said no.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

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
    /// The start was cancelled, and the slave promised that it never runs.
    #[error("the start was cancelled; slave {connection} promised that the task never runs")]
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
            | Self::TooManyInFlight { task, .. } => Ok(task),
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

    /// What the slave said, if it was the slave that said no.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

fn because(dial: Option<&ConnectError>) -> String {
    dial.map_or_else(String::new, |error| format!(": {error}"))
}

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

/// What a hook says instead of yes. Any error, and any text, turns into one through `?`.
///
/// For that reason it is not itself a [`std::error::Error`].
#[derive(Clone)]
pub struct HookError(Arc<dyn Error + Send + Sync>);

impl HookError {
    pub(crate) fn panicked(message: &str) -> Self {
        Self::from(format!("it panicked: {message}"))
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for HookError {
    fn from(error: E) -> Self {
        let error: Box<dyn Error + Send + Sync> = error.into();
        Self(error.into())
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
