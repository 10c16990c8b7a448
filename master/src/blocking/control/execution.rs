//! A handle to one execution.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{
    ExecutionId, ExecutionInfo, FromPayload, IntoPayload, Logview, Outcome, Picture,
};

use super::{Control, Watch};
use crate::blocking::carrier::Carrier;
use crate::blocking::twins::waits;
use crate::control::ControlError;

/// One execution of a slave, as [`crate::Execution`]. Cheap to clone; to drop it changes nothing.
#[derive(Clone, Debug)]
pub struct Execution {
    inner: crate::Execution,
    carrier: Arc<Carrier>,
}

impl Execution {
    pub(super) const fn new(inner: crate::Execution, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    /// Which run.
    pub const fn id(&self) -> ExecutionId {
        self.inner.id()
    }

    /// The slave that it is on.
    pub fn control(&self) -> Control {
        Control::new(self.inner.control().clone(), Arc::clone(&self.carrier))
    }

    /// Its events from the first one on.
    pub fn watch(&self) -> Watch {
        Watch::new(self.inner.watch(), Arc::clone(&self.carrier))
    }

    waits! { crate::Execution:
        info() -> Result<ExecutionInfo, ControlError>;
        wait_until_running(limit: Option<Duration>) -> Result<ExecutionInfo, ControlError>;
        wait(limit: Option<Duration>) -> Result<Outcome, ControlError>;
        success<T: FromPayload>(limit: Option<Duration>) -> Result<T, ControlError>;
        stop(reason: impl Into<String>) -> Result<ExecutionInfo, ControlError>;
        send_input(input: impl IntoPayload) -> Result<(), ControlError>;
        picture() -> Result<Picture, ControlError>;
        logview() -> Result<Logview, ControlError>;
    }
}
