//! Why a call to Control was not answered as was hoped.

use std::time::Duration;

use selsyn_common::wire::WireError;
use selsyn_common::{
    ErrorCode, ExecutionId, FailedTask, PartReadError, Payload, PayloadError, Refusal, TaskStatus,
};
use tonic::{Code, Status};

use super::PartsFailed;
use crate::dispatch::greeting;
use crate::error::{ConnectError, InsideRuntime};

/// Most bytes of data in one call.
const MAX_DATA: usize = 4 * 1024 * 1024 - 64 * 1024;

/// Why a call to [`Control`](crate::Control) was not answered as was hoped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The slave cannot be reached, or does not know the token.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A blocking call inside an async runtime: it did nothing.
    #[error(transparent)]
    InsideRuntime(#[from] InsideRuntime),
    /// The slave did not answer in time: nobody knows whether it did what was asked. Every call can
    /// be made again.
    #[error("the slave at {address} did not answer within {patience:?}")]
    Timeout {
        /// Where it was dialled.
        address: String,
        /// How long was waited.
        patience: Duration,
    },
    /// The slave never had such an execution, or it is too long ago to be remembered.
    #[error("there never was an execution {id} on the slave")]
    NotFound {
        /// Which run.
        id: ExecutionId,
    },
    /// The slave had it, and keeps it no more.
    #[error("execution {id} is kept no more")]
    Expired {
        /// Which run.
        id: ExecutionId,
    },
    /// It has ended: nothing can be asked of it any more.
    #[error("execution {id} has ended {status}: nothing can be asked of it any more")]
    AlreadyTerminal {
        /// Which run.
        id: ExecutionId,
        /// Its verdict.
        status: TaskStatus,
    },
    /// It has not ended: wait for it.
    #[error("execution {id} has not ended")]
    NotEnded {
        /// Which run.
        id: ExecutionId,
    },
    /// It does not wait in the queue: it runs, or is about to.
    #[error("execution {id} does not wait in the queue: it runs, or is about to")]
    NotQueued {
        /// Which run.
        id: ExecutionId,
    },
    /// As many inputs wait for it as may: the function is slow, or takes none. Send it later.
    #[error("execution {id} takes no more input for now: as much waits as may")]
    InputFull {
        /// Which run.
        id: ExecutionId,
    },
    /// An address for no time at all, which nobody could open: ask for a second or more. Nothing was
    /// sent.
    #[error(
        "no address of execution {id} was made: it would be valid for 0 s; ask for 1 s or more, or \
         call logview(), whose address is valid for a day"
    )]
    LogviewForNoTime {
        /// Which run.
        id: ExecutionId,
    },
    /// What it was to be handed has no JSON form. Nothing was sent.
    #[error("the input for execution {id} cannot be sent: {source}")]
    NotEncodable {
        /// Which run.
        id: ExecutionId,
        /// What the encoding says.
        source: PayloadError,
    },
    /// The wait ended before the execution did, which goes on: wait again.
    #[error("execution {id} did not end within {waited:?}; it goes on")]
    Elapsed {
        /// Which run.
        id: ExecutionId,
        /// How long was waited.
        waited: Duration,
    },
    /// It ended, and not with a value.
    #[error("execution {} on {} ended {}: {}", .0.task, .0.connection, .0.status, .0.failure)]
    NotCompleted(FailedTask),
    /// A part of it has failed, or did not succeed.
    #[error(transparent)]
    PartsFailed(Box<PartsFailed>),
    /// What was asked of its parts is not there.
    #[error("execution {id}: {source}")]
    Part {
        /// Which run.
        id: ExecutionId,
        /// What is not there.
        source: PartReadError,
    },
    /// The wait was cancelled by its monitor. What was waited for goes on: wait again.
    #[error("the wait was cancelled after {waited:?}; what was waited for goes on")]
    WaitCancelled {
        /// How long was waited.
        waited: Duration,
    },
    /// It ended with a value that is not of the type that was asked for.
    #[error("execution {id} completed: {source}")]
    Unreadable {
        /// Which run.
        id: ExecutionId,
        /// Where the reading failed.
        source: PayloadError,
    },
    /// The slave refused: a start that has not run, a filter that it does not know, a call that is
    /// too large.
    #[error("the slave refused: {0}")]
    Rejected(Box<Refusal>),
}

impl ControlError {
    /// The row of the table of codes.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Connect(error) => error.error_code(),
            Self::InsideRuntime(_) => ErrorCode::InsideRuntime,
            Self::Timeout { .. } => ErrorCode::ControlTimeout,
            Self::NotFound { .. } => ErrorCode::ExecutionNotFound,
            Self::Expired { .. } => ErrorCode::ExecutionExpired,
            Self::AlreadyTerminal { .. } => ErrorCode::AlreadyTerminal,
            Self::NotEnded { .. } => ErrorCode::ExecutionNotEnded,
            Self::NotQueued { .. } => ErrorCode::NotQueued,
            Self::InputFull { .. } => ErrorCode::InputFull,
            Self::LogviewForNoTime { .. } => ErrorCode::FilterInvalid,
            Self::NotEncodable { .. } => ErrorCode::NotEncodable,
            Self::Elapsed { .. } | Self::WaitCancelled { .. } => ErrorCode::JoinElapsed,
            Self::PartsFailed(failed) => failed.error_code(),
            Self::Part { source, .. } => source.error_code(),
            Self::NotCompleted(task) => {
                ErrorCode::parse(task.failure.code()).unwrap_or(ErrorCode::FunctionFailed)
            }
            Self::Unreadable { .. } => ErrorCode::ResultUnreadable,
            Self::Rejected(refusal) => refusal.reason,
        }
    }

    /// The code that people look up.
    pub fn code(&self) -> &'static str {
        self.error_code().as_str()
    }

    /// The execution that it is about, if it is about one.
    pub const fn execution(&self) -> Option<ExecutionId> {
        match self {
            Self::NotFound { id }
            | Self::Expired { id }
            | Self::AlreadyTerminal { id, .. }
            | Self::NotEnded { id }
            | Self::NotQueued { id }
            | Self::InputFull { id }
            | Self::LogviewForNoTime { id }
            | Self::NotEncodable { id, .. }
            | Self::Elapsed { id, .. }
            | Self::Part { id, .. }
            | Self::Unreadable { id, .. } => Some(*id),
            Self::PartsFailed(failed) => Some(failed.execution()),
            Self::NotCompleted(task) => Some(ExecutionId::first(task.task)),
            Self::Connect(_)
            | Self::InsideRuntime(_)
            | Self::Timeout { .. }
            | Self::WaitCancelled { .. }
            | Self::Rejected(_) => None,
        }
    }

    /// Data that is larger than a call may be: it goes through a session, in parts.
    pub(super) fn check_size(data: &Payload) -> Result<(), Self> {
        let bytes = data.len();
        if bytes <= MAX_DATA {
            return Ok(());
        }
        let message = format!("the data has {bytes} bytes; a call to Control takes {MAX_DATA}");
        Err(Self::Rejected(Box::new(Refusal::because(ErrorCode::PayloadTooLarge, message))))
    }

    /// What a status of gRPC means.
    pub(super) fn of(address: &str, id: Option<ExecutionId>, status: Status) -> Self {
        let reason = header(&status, "selsyn-code").and_then(ErrorCode::parse);
        match (reason, id) {
            (Some(ErrorCode::ExecutionNotFound), Some(id)) => Self::NotFound { id },
            (Some(ErrorCode::ExecutionExpired), Some(id)) => Self::Expired { id },
            (Some(ErrorCode::ExecutionNotEnded), Some(id)) => Self::NotEnded { id },
            (Some(ErrorCode::NotQueued), Some(id)) => Self::NotQueued { id },
            (Some(ErrorCode::InputFull), Some(id)) => Self::InputFull { id },
            (Some(ErrorCode::AlreadyTerminal), Some(id)) => {
                let named = header(&status, "selsyn-status").unwrap_or_default();
                let status = TaskStatus::ALL.into_iter().find(|status| status.name() == named);
                Self::AlreadyTerminal { id, status: status.unwrap_or(TaskStatus::Lost) }
            }
            (Some(reason), _) if status.code() != Code::Unauthenticated => {
                Self::Rejected(Box::new(refusal(reason, &status)))
            }
            _ if matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted) => {
                let message = status.message();
                Self::Rejected(Box::new(Refusal::because(ErrorCode::PayloadTooLarge, message)))
            }
            _ => greeting::failed("control", address, status).into(),
        }
    }

    /// The slave's answer makes no sense.
    pub(crate) fn broken(address: &str, error: &WireError) -> Self {
        let refusal = Box::new(Refusal::because(ErrorCode::ProtocolViolation, error.to_string()));
        let (name, address) = ("control".to_owned(), address.to_owned());
        ConnectError::Refused { name, address, refusal }.into()
    }

    /// Whether the way to the slave has broken, so that another one may do.
    pub(super) const fn is_broken_way(&self) -> bool {
        matches!(self, Self::Timeout { .. } | Self::Connect(ConnectError::Unreachable { .. }))
    }
}

fn refusal(reason: ErrorCode, status: &Status) -> Refusal {
    let number = |name| header(status, name)?.parse::<u64>().ok();
    let mut refusal = Refusal::because(reason, status.message());
    if let Some(code) = number("selsyn-number").and_then(|code| u16::try_from(code).ok()) {
        refusal.code = code;
    }
    let pause = number("selsyn-retry-after-millis").filter(|millis| *millis > 0);
    refusal.retry_after = pause.map(Duration::from_millis);
    refusal
}

fn header<'a>(status: &'a Status, name: &str) -> Option<&'a str> {
    status.metadata().get(name)?.to_str().ok()
}
