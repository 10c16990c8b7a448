//! Turns domain types into protobuf messages and back; the only room that knows both.

mod execution;
mod outcome;
mod output;
mod part;
mod particulars;
mod payload;
mod refusal;
mod summary;

pub use refusal::pause_millis;
use uuid::Uuid;

pub use crate::execution::time_of;
use crate::proto;
use crate::{BootId, ExecutionId, Incarnation, MasterId, SessionId, SlaveId, TaskId};

/// A field of a frame that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{frame}.{field} {problem}")]
pub struct WireError {
    /// The message the field is in.
    pub frame: &'static str,
    /// The field.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl WireError {
    /// A field that must be there is not.
    pub const fn missing(frame: &'static str, field: &'static str) -> Self {
        Self { frame, field, problem: "is missing" }
    }

    /// A field has a value that stands for nothing.
    pub const fn unknown(frame: &'static str, field: &'static str) -> Self {
        Self { frame, field, problem: "has an unknown value" }
    }
}

impl From<ExecutionId> for proto::ExecutionId {
    fn from(id: ExecutionId) -> Self {
        let (task_high, task_low) = id.task.halves();
        Self { task_high, task_low, attempt: id.attempt }
    }
}

impl From<proto::ExecutionId> for ExecutionId {
    fn from(id: proto::ExecutionId) -> Self {
        let task = TaskId::from_halves(id.task_high, id.task_low);
        Self { task, attempt: id.attempt }
    }
}

/// Reads the execution a frame is about.
///
/// # Errors
///
/// [`WireError`] when the frame names none.
pub fn execution_id(
    frame: &'static str,
    id: Option<proto::ExecutionId>,
) -> Result<ExecutionId, WireError> {
    id.map(ExecutionId::from).ok_or(WireError::missing(frame, "execution"))
}

/// Identities that travel as 16 bytes.
pub trait WireId: Sized {
    /// The 16 bytes.
    fn to_wire(&self) -> bytes::Bytes;

    /// Reads 16 bytes.
    ///
    /// # Errors
    ///
    /// [`WireError`] when there are more or fewer.
    fn from_wire(frame: &'static str, field: &'static str, bytes: &[u8])
    -> Result<Self, WireError>;
}

macro_rules! wire_id {
    ($($id:ty)+) => {
        $(impl WireId for $id {
            fn to_wire(&self) -> bytes::Bytes {
                bytes::Bytes::copy_from_slice(self.uuid().as_bytes())
            }

            fn from_wire(
                frame: &'static str,
                field: &'static str,
                bytes: &[u8],
            ) -> Result<Self, WireError> {
                let problem = "is not 16 bytes long";
                Uuid::from_slice(bytes)
                    .map(Self::from_uuid)
                    .map_err(|_| WireError { frame, field, problem })
            }
        })+
    };
}

wire_id! { MasterId Incarnation SlaveId BootId SessionId }
