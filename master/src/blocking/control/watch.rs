//! The events of an execution, as an iterator.

use std::sync::Arc;

use selsyn_common::{ExecutionEvent, ExecutionId};

use crate::blocking::carrier::Carrier;
use crate::blocking::events::Turn;
use crate::control::ControlError;

/// The events of one execution, in order, as [`crate::Watch`]. Each `next()` waits for one; it ends
/// after the verdict. In async code it gives [`ControlError::InsideRuntime`] once, and ends.
#[derive(Debug)]
pub struct Watch {
    inner: crate::Watch,
    turn: Turn,
}

impl Watch {
    pub(super) const fn new(inner: crate::Watch, carrier: Arc<Carrier>) -> Self {
        Self { inner, turn: Turn::new(carrier, "watch().next()") }
    }

    /// Which execution.
    pub const fn id(&self) -> ExecutionId {
        self.inner.id()
    }

    /// Whether what comes from here on is new: see [`crate::Watch::caught_up`].
    pub fn caught_up(&self) -> bool {
        self.inner.caught_up()
    }
}

impl Iterator for Watch {
    type Item = Result<ExecutionEvent, ControlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.turn.next(self.inner.next())?;
        Some(next.unwrap_or_else(|inside| Err(inside.into())))
    }
}
