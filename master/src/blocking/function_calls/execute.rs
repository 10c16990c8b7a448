//! A call of a function, about to be made.

use std::sync::Arc;

use selsyn_common::{LockKey, TaskId};
use serde::Serialize;

use crate::blocking::carrier::Carrier;
use crate::blocking::twins::sets;
use crate::function_call::{ExecuteError, FunctionReply};

/// A call of a function that is being made, as [`crate::ExecuteFunction`].
#[derive(Debug)]
#[must_use = "nothing is called before this is executed"]
pub struct ExecuteFunction {
    inner: crate::ExecuteFunction,
    carrier: Arc<Carrier>,
}

impl ExecuteFunction {
    pub(super) const fn new(inner: crate::ExecuteFunction, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    sets! { crate::ExecuteFunction:
        args(args: impl Serialize);
        kwargs(kwargs: impl Serialize);
        run_in_background(run_in_background: bool);
        user(user: impl Into<String>);
        user_group(user_group: impl Into<String>);
        lock_key(lock_key: impl Into<LockKey>);
        task_id(task: TaskId);
    }

    /// Makes the call, and waits until the slave has accepted it: see
    /// [`crate::ExecuteFunction::execute`].
    ///
    /// # Errors
    ///
    /// As there; [`ExecuteError::InsideRuntime`] in async code: nothing was sent.
    pub fn execute(self) -> Result<FunctionReply, ExecuteError> {
        self.carrier.wait("execute()", self.inner.execute())?
    }
}
