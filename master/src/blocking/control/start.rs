//! Starts an execution that belongs to no session.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{Context, TaskId};

use super::Execution;
use crate::blocking::carrier::Carrier;
use crate::blocking::twins::sets;
use crate::control::ControlError;

/// An execution that is being asked for, as [`crate::StartDetached`]. [Wait](Self::wait) for it.
#[derive(Debug)]
#[must_use = "nothing is started before it is waited for"]
pub struct StartDetached {
    inner: crate::StartDetached,
    carrier: Arc<Carrier>,
}

impl StartDetached {
    pub(super) const fn new(inner: crate::StartDetached, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    sets! { crate::StartDetached:
        id(task: TaskId);
        label(label: impl Into<String>);
        child_of(parent: Context);
        deadline(deadline: Duration);
        foreground();
    }

    /// Asks for it, and waits until the slave has accepted it; stands where the async form has
    /// `.await`.
    ///
    /// # Errors
    ///
    /// As there; [`ControlError::InsideRuntime`] in async code: nothing was started.
    pub fn wait(self) -> Result<Execution, ControlError> {
        let Self { inner, carrier } = self;
        let started = carrier.wait("StartDetached::wait()", inner.into_future())??;
        Ok(Execution::new(started, carrier))
    }
}
