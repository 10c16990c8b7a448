//! The queue of calls that wait for a slot.

use std::sync::Arc;

use selsyn_common::TaskUid;

use crate::blocking::carrier::Carrier;
use crate::blocking::twins::waits;
use crate::control::{ControlError, QueuePosition};
use crate::function_call::{QueueItem, QueueItemError};

/// The calls that wait for a slot, as [`crate::FunctionQueue`].
#[derive(Clone, Debug)]
pub struct FunctionQueue {
    inner: crate::FunctionQueue,
    carrier: Arc<Carrier>,
}

impl FunctionQueue {
    pub(super) const fn new(inner: crate::FunctionQueue, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    waits! { crate::FunctionQueue:
        list() -> Result<Vec<QueueItem>, ControlError>;
        move_to(
            uid: impl Into<TaskUid>,
            position: impl Into<QueuePosition>
        ) -> Result<QueueItem, QueueItemError>;
        drop(uid: impl Into<TaskUid>) -> Result<(), QueueItemError>;
    }
}
