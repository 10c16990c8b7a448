//! bluesky queueserver's way of calling functions: an item in, a task's uid out, the result later.

mod error;
mod execute;
mod queue;
mod reply;
mod status;
mod tasks;
mod wait;

use selsyn_common::FunctionCall;

use crate::control::Control;

pub use error::{ExecuteError, RefusedCall};
pub use execute::ExecuteFunction;
pub use queue::{FunctionQueue, QueueItem, QueueItemError};
pub use reply::{CompletedTask, FunctionReply, TaskReply, TaskState};
pub use status::{FunctionEnvironment, ManagerState, ManagerStatus};
pub use wait::{WaitForTasks, WaitTasksError};

/// Calls functions of one slave as bluesky queueserver does: in front when it is idle, or in the
/// background, with results that are asked for by uid. Cheap to clone.
///
/// Made by [`Connection::function_calls`](crate::Connection::function_calls) and
/// [`Control::function_calls`]. What it starts belongs to no session: it runs whether or not this
/// program stays.
///
/// ```no_run
/// # async fn example(connection: selsyn_master::Connection) -> Result<(), Box<dyn std::error::Error>> {
/// let reply = connection.function("function_sleep").args([10]).execute().await?;
/// let calls = connection.function_calls();
/// calls.wait_for_completed_task([&reply.task_uid]).await?;
/// println!("{}", calls.task_result(&reply.task_uid).await?.to_json());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct FunctionCalls {
    control: Control,
}

impl FunctionCalls {
    pub(crate) const fn new(control: Control) -> Self {
        Self { control }
    }

    /// The executions behind it, in Selsyn's own words.
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// Begins a call of the function of this name: give it arguments, then execute it.
    pub fn function(&self, name: impl Into<String>) -> ExecuteFunction {
        self.call(FunctionCall::new(name))
    }

    /// Begins a call that was made or read elsewhere.
    pub fn call(&self, call: FunctionCall) -> ExecuteFunction {
        ExecuteFunction::new(self.control.clone(), call)
    }
}
