//! Why a call of a function was not accepted.

use selsyn_common::{ErrorCode, FunctionCallError, Ran, Refusal, TaskUid};
use serde_json::{Value, json};

use crate::control::ControlError;
use crate::error::InsideRuntime;

/// A call that the slave has refused: nothing has run.
#[derive(Clone, Debug, PartialEq)]
pub struct RefusedCall {
    /// Why, in the slave's words.
    pub refusal: Refusal,
    /// What was to be called, as JSON: unmodified, without a uid.
    pub item: Value,
}

/// Why a call of a function was not accepted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExecuteError {
    /// The call breaks a rule. Nothing was sent.
    #[error(transparent)]
    Invalid(#[from] FunctionCallError),
    /// A blocking call inside an async runtime. Nothing was sent.
    #[error(transparent)]
    InsideRuntime(#[from] InsideRuntime),
    /// Something runs in front. The refusal names the slave's state and who holds it.
    #[error("{}", .0.refusal)]
    NotIdle(Box<RefusedCall>),
    /// Slots and queue are full. The refusal names what runs and the limit.
    #[error("{}", .0.refusal)]
    Busy(Box<RefusedCall>),
    /// The slave takes no calls: its environment is not open, or it drains.
    #[error("{}", .0.refusal)]
    NotOpen(Box<RefusedCall>),
    /// The slave has no such function. The refusal names those that it has, or the one that is
    /// spelt alike.
    #[error("{}", .0.refusal)]
    UnknownFunction(Box<RefusedCall>),
    /// The slave refused for another reason.
    #[error("{}", .0.refusal)]
    Refused(Box<RefusedCall>),
    /// No answer came: ask for the task, or make the call again under the same id.
    #[error("{source}; whether task {task_uid} was started is not known")]
    NotAnswered {
        /// The task that may have been started.
        task_uid: TaskUid,
        /// What happened.
        source: ControlError,
    },
}

impl ExecuteError {
    /// What it means that a start failed.
    pub(super) fn of(error: ControlError, item: Value, task_uid: TaskUid) -> Self {
        let refusal = match error {
            ControlError::Rejected(refusal) => *refusal,
            source => return Self::NotAnswered { task_uid, source },
        };
        let reason = refusal.reason;
        let refused = Box::new(RefusedCall { refusal, item });
        match reason {
            ErrorCode::ForegroundBusy => Self::NotIdle(refused),
            ErrorCode::QueueFull | ErrorCode::SlaveBusy => Self::Busy(refused),
            ErrorCode::Draining | ErrorCode::EnvironmentNotOpen => Self::NotOpen(refused),
            ErrorCode::UnknownFunction => Self::UnknownFunction(refused),
            _ => Self::Refused(refused),
        }
    }

    /// The call that was refused, if the slave has refused it.
    pub fn refused(&self) -> Option<&RefusedCall> {
        match self {
            Self::NotIdle(refused)
            | Self::Busy(refused)
            | Self::NotOpen(refused)
            | Self::UnknownFunction(refused)
            | Self::Refused(refused) => Some(refused),
            Self::Invalid(_) | Self::InsideRuntime(_) | Self::NotAnswered { .. } => None,
        }
    }

    /// Whether the function ran.
    pub const fn ran(&self) -> Ran {
        match self {
            Self::NotAnswered { .. } => Ran::Unknown,
            _ => Ran::No,
        }
    }

    /// The row of the table of codes.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Invalid(error) => error.error_code(),
            Self::InsideRuntime(_) => ErrorCode::InsideRuntime,
            Self::NotAnswered { source, .. } => source.error_code(),
            _ => self.refused().map_or(ErrorCode::TaskRefused, |refused| refused.refusal.reason),
        }
    }

    /// The code that people look up.
    pub fn code(&self) -> &'static str {
        self.error_code().as_str()
    }

    /// bluesky's reply: `{success: false, msg, item, task_uid: null}`.
    pub fn to_json(&self) -> Value {
        let item = self.refused().map(|refused| &refused.item);
        json!({
            "success": false,
            "msg": format!("Error: {self}"),
            "item": item,
            "task_uid": null,
        })
    }
}
