//! A slave's readiness to run.

use std::sync::Arc;

use crate::blocking::carrier::Carrier;
use crate::blocking::twins::waits;
use crate::control::ControlError;
use crate::function_call::ManagerStatus;

/// A slave's readiness to run, as [`crate::FunctionEnvironment`].
#[derive(Clone, Debug)]
pub struct FunctionEnvironment {
    inner: crate::FunctionEnvironment,
    carrier: Arc<Carrier>,
}

impl FunctionEnvironment {
    pub(super) const fn new(inner: crate::FunctionEnvironment, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    waits! { crate::FunctionEnvironment:
        open() -> Result<ManagerStatus, ControlError>;
        close() -> Result<ManagerStatus, ControlError>;
        destroy() -> Result<ManagerStatus, ControlError>;
    }
}
