//! Lists executions: filters first, then all of them, or one by one.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::SystemTime;

use selsyn_common::{ExecutionId, ExecutionInfo, MasterId, StatusFilter};

use crate::blocking::carrier::Carrier;
use crate::blocking::events::Turn;
use crate::blocking::twins::sets;
use crate::control::ControlError;

/// A list of executions that is being asked for, as [`crate::ListExecutions`].
/// [Wait](Self::wait) for all of them, or turn its [`pages`](Self::pages).
#[derive(Clone, Debug)]
#[must_use = "nothing is asked before it is waited for"]
pub struct ListExecutions {
    inner: crate::ListExecutions,
    carrier: Arc<Carrier>,
}

impl ListExecutions {
    pub(super) const fn new(inner: crate::ListExecutions, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    sets! { crate::ListExecutions:
        status(status: impl Into<StatusFilter>);
        owner(owner: MasterId);
        mine();
        function(name: impl Into<String>);
        children_of(parent: ExecutionId);
        label(label: impl Into<String>);
        since(time: SystemTime);
        before(time: SystemTime);
        only(ids: impl IntoIterator<Item = ExecutionId>);
        page_size(executions: u32);
    }

    /// All of them; stands where the async form has `.await`.
    ///
    /// # Errors
    ///
    /// As there; [`ControlError::InsideRuntime`] in async code.
    pub fn wait(self) -> Result<Vec<ExecutionInfo>, ControlError> {
        self.carrier.wait("list()", self.inner.into_future())?
    }

    /// One by one: see [`crate::ListExecutions::pages`].
    pub fn pages(self) -> ExecutionPages {
        let Self { inner, carrier } = self;
        ExecutionPages { inner: inner.pages(), turn: Turn::new(carrier, "pages().next()") }
    }
}

/// Executions of a list, newest first, as [`crate::ExecutionPages`]: fetched a page at a time as
/// they are asked for. In async code it gives [`ControlError::InsideRuntime`] once, and ends.
#[derive(Debug)]
pub struct ExecutionPages {
    inner: crate::ExecutionPages,
    turn: Turn,
}

impl Iterator for ExecutionPages {
    type Item = Result<ExecutionInfo, ControlError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.turn.next(self.inner.next())?;
        Some(next.unwrap_or_else(|inside| Err(inside.into())))
    }
}
