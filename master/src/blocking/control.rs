//! Executions of a slave by their ids, for programs without a runtime.

mod execution;
mod list;
mod start;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{
    ExecutionId, ExecutionInfo, FromPayload, IntoPayload, Logview, MasterId, Outcome, PartProgress,
    PartResult, PartStatus, Parts, PayloadError, Picture,
};

use super::carrier::Carrier;
use super::function_calls::FunctionCalls;
use super::twins::waits;
use crate::control::{ControlError, QueuePosition, QueuedExecution, WaitMonitor};

pub use execution::Execution;
pub use list::{ExecutionPages, ListExecutions};
pub use start::StartDetached;
pub use watch::Watch;

/// Looks at the executions of one slave, and starts and stops some, as [`crate::Control`]. Cheap to
/// clone. Made by [`Master::control`](super::Master::control) and
/// [`Connection::executions`](super::Connection::executions).
///
/// ```no_run
/// # fn example(master: selsyn_master::blocking::Master) -> Result<(), Box<dyn std::error::Error>> {
/// let control = master.control("10.0.4.12")?;
/// let training = control.start("train", 20)?.label("nightly").wait()?;
/// for event in training.watch() {
///     println!("{:?}", event?);
/// }
/// let loss: f64 = training.success(None)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Control {
    inner: crate::Control,
    carrier: Arc<Carrier>,
}

impl Control {
    pub(super) const fn new(inner: crate::Control, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    /// As [`crate::Control::with_patience`].
    #[must_use = "the other handle keeps its patience"]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self::new(self.inner.with_patience(patience), Arc::clone(&self.carrier))
    }

    /// As [`crate::Control::with_monitor`].
    #[must_use = "the other handle is not monitored"]
    pub fn with_monitor(&self, monitor: &WaitMonitor) -> Self {
        Self::new(self.inner.with_monitor(monitor), Arc::clone(&self.carrier))
    }

    /// Where the slave is dialled.
    pub fn address(&self) -> &str {
        self.inner.address()
    }

    /// Who owns what is started here: this master.
    pub fn owner(&self) -> MasterId {
        self.inner.owner()
    }

    /// The same slave in the words of bluesky queueserver.
    pub fn function_calls(&self) -> FunctionCalls {
        FunctionCalls::new(self.inner.function_calls(), Arc::clone(&self.carrier))
    }

    /// Begins a list: see [`crate::Control::list`].
    pub fn list(&self) -> ListExecutions {
        ListExecutions::new(self.inner.list(), Arc::clone(&self.carrier))
    }

    /// A handle to this execution: see [`crate::Control::execution`].
    pub fn execution(&self, id: ExecutionId) -> Execution {
        Execution::new(self.inner.execution(id), Arc::clone(&self.carrier))
    }

    /// The events of an execution from a number on: see [`crate::Control::watch`].
    pub fn watch(&self, id: ExecutionId, from: u64) -> Watch {
        Watch::new(self.inner.watch(id, from), Arc::clone(&self.carrier))
    }

    /// Begins an execution that belongs to no session: see [`crate::Control::start`].
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the data has no JSON form.
    pub fn start(
        &self,
        function: impl Into<String>,
        data: impl IntoPayload,
    ) -> Result<StartDetached, PayloadError> {
        let inner = self.inner.start(function, data)?;
        Ok(StartDetached::new(inner, Arc::clone(&self.carrier)))
    }

    waits! { crate::Control:
        functions() -> Result<Vec<String>, ControlError>;
        statuses(
            ids: impl IntoIterator<Item = ExecutionId>
        ) -> Result<Vec<ExecutionInfo>, ControlError>;
        get(id: ExecutionId) -> Result<ExecutionInfo, ControlError>;
        exists(id: ExecutionId) -> Result<bool, ControlError>;
        stop(id: ExecutionId, reason: impl Into<String>) -> Result<ExecutionInfo, ControlError>;
        ensure_stopped(
            id: ExecutionId,
            reason: impl Into<String>
        ) -> Result<ExecutionInfo, ControlError>;
        send_input(id: ExecutionId, input: impl IntoPayload) -> Result<(), ControlError>;
        result(id: ExecutionId) -> Result<Outcome, ControlError>;
        picture(id: ExecutionId) -> Result<Picture, ControlError>;
        parts(id: ExecutionId) -> Result<Parts, ControlError>;
        part_names(id: ExecutionId) -> Result<Vec<String>, ControlError>;
        part_statuses(id: ExecutionId) -> Result<Vec<(String, PartStatus)>, ControlError>;
        part_result(id: ExecutionId, name: Option<&str>) -> Result<PartResult, ControlError>;
        part_results(id: ExecutionId) -> Result<Vec<(String, PartResult)>, ControlError>;
        part_progress(id: ExecutionId, name: Option<&str>) -> Result<PartProgress, ControlError>;
        logview(id: ExecutionId) -> Result<Logview, ControlError>;
        logview_for(id: ExecutionId, valid: Duration) -> Result<Logview, ControlError>;
        revoke_logviews(id: ExecutionId) -> Result<u32, ControlError>;
        queue() -> Result<Vec<QueuedExecution>, ControlError>;
        queue_length() -> Result<u64, ControlError>;
        move_queued(
            id: ExecutionId,
            position: impl Into<QueuePosition>
        ) -> Result<QueuedExecution, ControlError>;
        drop_queued(id: ExecutionId) -> Result<ExecutionInfo, ControlError>;
        wait_until_running(
            id: ExecutionId,
            limit: Option<Duration>
        ) -> Result<ExecutionInfo, ControlError>;
        wait_for_completion(
            id: ExecutionId,
            limit: Option<Duration>
        ) -> Result<Outcome, ControlError>;
        wait_for_success<T: FromPayload>(
            id: ExecutionId,
            limit: Option<Duration>
        ) -> Result<T, ControlError>;
        wait_for_all(
            ids: impl IntoIterator<Item = ExecutionId>,
            limit: Option<Duration>
        ) -> Result<Vec<Outcome>, ControlError>;
        wait_for_any(
            ids: impl IntoIterator<Item = ExecutionId>,
            limit: Option<Duration>
        ) -> Result<(ExecutionId, Outcome), ControlError>;
    }
}
