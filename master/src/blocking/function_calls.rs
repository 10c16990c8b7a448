//! bluesky queueserver's way of calling functions, for programs without a runtime.

mod environment;
mod execute;
mod queue;
mod wait;

use std::collections::BTreeMap;
use std::sync::Arc;

use selsyn_common::{FunctionCall, TaskUid};

use super::Control;
use super::carrier::Carrier;
use super::twins::waits;
use crate::control::ControlError;
use crate::function_call::{ManagerStatus, TaskReply, TaskState};

pub use environment::FunctionEnvironment;
pub use execute::ExecuteFunction;
pub use queue::FunctionQueue;
pub use wait::WaitForTasks;

/// Calls functions of one slave as bluesky queueserver does, as [`crate::FunctionCalls`]. Cheap to
/// clone. Made by [`Connection::function_calls`](super::Connection::function_calls) and
/// [`Control::function_calls`].
///
/// ```no_run
/// # fn example(connection: selsyn_master::blocking::Connection) -> Result<(), Box<dyn std::error::Error>> {
/// let reply = connection.function("function_sleep").args([10]).execute()?;
/// let calls = connection.function_calls();
/// calls.wait_for_completed_task([&reply.task_uid]).wait()?;
/// println!("{}", calls.task_result(&reply.task_uid)?.to_json());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FunctionCalls {
    inner: crate::FunctionCalls,
    carrier: Arc<Carrier>,
}

impl FunctionCalls {
    pub(super) const fn new(inner: crate::FunctionCalls, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    /// The executions behind it, in Selsyn's own words.
    pub fn control(&self) -> Control {
        Control::new(self.inner.control().clone(), Arc::clone(&self.carrier))
    }

    /// Begins a call of the function of this name: give it arguments, then execute it.
    pub fn function(&self, name: impl Into<String>) -> ExecuteFunction {
        ExecuteFunction::new(self.inner.function(name), Arc::clone(&self.carrier))
    }

    /// Begins a call that was made or read elsewhere.
    pub fn call(&self, call: FunctionCall) -> ExecuteFunction {
        ExecuteFunction::new(self.inner.call(call), Arc::clone(&self.carrier))
    }

    /// The slave's readiness to run, to be changed.
    pub fn environment(&self) -> FunctionEnvironment {
        FunctionEnvironment::new(self.inner.environment(), Arc::clone(&self.carrier))
    }

    /// The calls that wait for a slot.
    pub fn queue(&self) -> FunctionQueue {
        FunctionQueue::new(self.inner.queue(), Arc::clone(&self.carrier))
    }

    /// Begins a wait until at least one of these tasks has ended.
    pub fn wait_for_completed_task<U: Into<TaskUid>>(
        &self,
        uids: impl IntoIterator<Item = U>,
    ) -> WaitForTasks {
        WaitForTasks::new(self.inner.wait_for_completed_task(uids), Arc::clone(&self.carrier))
    }

    waits! { crate::FunctionCalls:
        status() -> Result<ManagerStatus, ControlError>;
        task_status(uid: impl Into<TaskUid>) -> Result<TaskState, ControlError>;
        task_statuses(
            uids: impl IntoIterator<Item = impl Into<TaskUid>>
        ) -> Result<BTreeMap<TaskUid, TaskState>, ControlError>;
        task_result(uid: impl Into<TaskUid>) -> Result<TaskReply, ControlError>;
    }
}
