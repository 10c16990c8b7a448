//! The queue of calls that wait for a slot, in bluesky's words.

use std::time::SystemTime;

use selsyn_common::{ErrorCode, ExecutionId, TaskUid};
use serde_json::{Value, json};

use super::FunctionCalls;
use crate::control::{Control, ControlError, QueuePosition, QueuedExecution};
use crate::error::InsideRuntime;

/// The calls that wait for a slot: those that were made to run in the background while all slots
/// were taken. Made by [`FunctionCalls::queue`].
#[derive(Clone, Debug)]
pub struct FunctionQueue {
    control: Control,
}

/// A call that waits.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueItem {
    /// The task that it became.
    pub task_uid: TaskUid,
    /// The function.
    pub name: String,
    /// Where it stands and whose it is.
    pub queued: QueuedExecution,
}

impl QueueItem {
    /// bluesky's item, as far as a slave tells it: `{item_type, name, item_uid}`.
    pub fn to_json(&self) -> Value {
        json!({"item_type": "function", "name": self.name, "item_uid": self.task_uid.as_str()})
    }

    /// When it was accepted, by the slave's clock.
    pub const fn time_start(&self) -> SystemTime {
        self.queued.execution.came
    }

    fn new(queued: QueuedExecution) -> Self {
        let name = queued.execution.function.clone();
        Self { task_uid: queued.execution.id.task.into(), name, queued }
    }
}

/// Why an item of the queue was not moved or dropped. Nothing has changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueItemError {
    /// The slave has no task of this uid, or keeps it no more.
    #[error("there is no task {task_uid}")]
    NotFound {
        /// The uid.
        task_uid: TaskUid,
    },
    /// It runs, or is about to: stop it, if it shall not.
    #[error("task {task_uid} is not in the queue: it runs")]
    Running {
        /// The uid.
        task_uid: TaskUid,
    },
    /// It has ended.
    #[error("task {task_uid} is not in the queue: it has ended")]
    Completed {
        /// The uid.
        task_uid: TaskUid,
    },
    /// The slave cannot be asked.
    #[error(transparent)]
    Control(ControlError),
}

impl From<InsideRuntime> for QueueItemError {
    fn from(error: InsideRuntime) -> Self {
        Self::Control(error.into())
    }
}

impl QueueItemError {
    fn of(task_uid: TaskUid, error: ControlError) -> Self {
        match error {
            ControlError::NotFound { .. } | ControlError::Expired { .. } => {
                Self::NotFound { task_uid }
            }
            ControlError::NotQueued { .. } => Self::Running { task_uid },
            ControlError::AlreadyTerminal { .. } => Self::Completed { task_uid },
            other => Self::Control(other),
        }
    }

    /// The row of the table of codes.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::NotFound { .. } => ErrorCode::ExecutionNotFound,
            Self::Running { .. } => ErrorCode::NotQueued,
            Self::Completed { .. } => ErrorCode::AlreadyTerminal,
            Self::Control(error) => error.error_code(),
        }
    }

    /// The code that people look up.
    pub fn code(&self) -> &'static str {
        self.error_code().as_str()
    }
}

impl FunctionCalls {
    /// The calls that wait for a slot.
    pub fn queue(&self) -> FunctionQueue {
        FunctionQueue { control: self.control.clone() }
    }
}

impl FunctionQueue {
    /// What waits, the next one first (bluesky: `queue_get`); see [`Control::queue`].
    ///
    /// # Errors
    ///
    /// As for [`FunctionCalls::status`].
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn list(&self) -> Result<Vec<QueueItem>, ControlError> {
        Ok(self.control.queue().await?.into_iter().map(QueueItem::new).collect())
    }

    /// Gives an item another place among those of its owner (bluesky: `queue_item_move`).
    ///
    /// # Errors
    ///
    /// [`QueueItemError`]: nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the wish on its way.
    pub async fn move_to(
        &self,
        uid: impl Into<TaskUid>,
        position: impl Into<QueuePosition>,
    ) -> Result<QueueItem, QueueItemError> {
        let (task_uid, id) = named(uid.into())?;
        let moved = self.control.move_queued(id, position).await;
        moved.map(QueueItem::new).map_err(|error| QueueItemError::of(task_uid, error))
    }

    /// Takes an item out, so that it never runs (bluesky: `queue_item_remove`). Its task is completed
    /// without success, as whoever waits for it hears.
    ///
    /// # Errors
    ///
    /// [`QueueItemError`]: nothing has changed.
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the wish on its way.
    pub async fn drop(&self, uid: impl Into<TaskUid>) -> Result<(), QueueItemError> {
        let (task_uid, id) = named(uid.into())?;
        let dropped = self.control.drop_queued(id).await;
        dropped.map(|_| ()).map_err(|error| QueueItemError::of(task_uid, error))
    }
}

/// The execution of a uid; one that was not made here names none.
fn named(task_uid: TaskUid) -> Result<(TaskUid, ExecutionId), QueueItemError> {
    match task_uid.execution() {
        Some(id) => Ok((task_uid, id)),
        None => Err(QueueItemError::NotFound { task_uid }),
    }
}
