//! A task that was started: watch it, wait for it, stop it.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{
    ExecutionId, Failure, FromPayload, IntoPayload, LogLine, Logview, Outcome, OutputContent,
    Payload, Picture, Progress, TaskId, TaskStatus,
};

use super::carrier::Carrier;
use super::twins::waits;
use super::{Events, InsideRuntime, WaitError};
use crate::callbacks::{Callback, callback_setters};
use crate::control::ControlError;
use crate::error::{InputError, JoinError};

/// A task that was started, as [`crate::RunningTask`]. Cheap to clone; all clones are the same
/// task. Dropping it leaves the task running and its callbacks in force.
#[derive(Clone, Debug)]
pub struct RunningTask {
    pub(super) inner: crate::RunningTask,
    pub(super) carrier: Arc<Carrier>,
}

impl RunningTask {
    /// Which task.
    pub fn id(&self) -> TaskId {
        self.inner.id()
    }

    /// Which run of it.
    pub fn execution_id(&self) -> ExecutionId {
        self.inner.execution_id()
    }

    /// The name of the connection it was started on.
    pub fn connection(&self) -> &str {
        self.inner.connection()
    }

    /// The name of its function; empty for the slave's default one.
    pub fn function(&self) -> &str {
        self.inner.function()
    }

    /// Where it stands.
    pub fn status(&self) -> TaskStatus {
        self.inner.status()
    }

    /// The data that `new_task` took.
    pub fn data(&self) -> &Payload {
        self.inner.data()
    }

    /// The data that was sent: what the before_start hook made of it.
    pub fn sent_data(&self) -> &Payload {
        self.inner.sent_data()
    }

    /// How it ended; `None` while it has not, and while its callbacks run.
    pub fn outcome(&self) -> Option<Outcome> {
        self.inner.outcome()
    }

    /// Waits until the task has ended and its callbacks have returned. Any number may wait; all
    /// get the same outcome.
    ///
    /// # Errors
    ///
    /// [`InsideRuntime`] in async code; the task is untouched.
    pub fn join(&self) -> Result<Outcome, InsideRuntime> {
        self.carrier.wait("join()", self.inner.join())
    }

    /// As [`Self::join`], for at most `limit`.
    ///
    /// # Errors
    ///
    /// [`WaitError::Elapsed`] when it did not end in time; the task is untouched, join it again.
    /// [`WaitError::InsideRuntime`] in async code.
    pub fn join_timeout(&self, limit: Duration) -> Result<Outcome, WaitError> {
        let joined = async { self.inner.join_timeout(limit).await };
        Ok(self.carrier.wait("join_timeout()", joined)??)
    }

    /// Waits for the value, read as `T`.
    ///
    /// # Errors
    ///
    /// [`JoinError::NotCompleted`] with the failure when there is no value;
    /// [`JoinError::Unreadable`] when it is not a `T`; [`JoinError::InsideRuntime`] in async
    /// code.
    pub fn success<T: FromPayload>(&self) -> Result<T, JoinError> {
        self.carrier.wait("success()", self.inner.success())?
    }

    /// Asks the slave to stop the task, and returns at once; join it to see what came of it. A
    /// function that does not listen is dropped after the slave's grace.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.inner.cancel(reason);
    }

    /// Hands the function something while it runs: see [`crate::RunningTask::send_input`].
    ///
    /// # Errors
    ///
    /// [`InputError`]; nothing was sent.
    pub fn send_input(&self, input: impl IntoPayload) -> Result<(), InputError> {
        self.inner.send_input(input)
    }

    waits! { crate::RunningTask:
        logview() -> Result<Logview, ControlError>;
    }

    /// What the function has shown so far, folded by key and verb; `None` unless
    /// [`Task::keep_picture`](super::Task::keep_picture) was called.
    pub fn picture(&self) -> Option<Picture> {
        self.inner.picture()
    }

    /// What happens to the task, from where it stands now until its end.
    pub fn events(&self) -> Events {
        Events::new(self.inner.events(), Arc::clone(&self.carrier))
    }
}

/// Callbacks, as of a [`Task`](super::Task): those that come late run once and at once.
impl RunningTask {
    callback_setters!();

    /// Is told whatever the function shows, from now on: progress, lines of its log, plots, tables and all
    /// else.
    pub fn on_output(self, f: impl FnMut(&OutputContent) + Send + 'static) -> Self {
        self.with(|inner| inner.on_output(f))
    }

    /// Is told how far the function has come, from now on.
    pub fn on_progress(self, f: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.with(|inner| inner.on_progress(f))
    }

    /// Is told each line of the function's log, from now on.
    pub fn on_log(self, f: impl FnMut(&LogLine) + Send + 'static) -> Self {
        self.with(|inner| inner.on_log(f))
    }

    fn callback(self, callback: Callback) -> Self {
        self.with(|inner| inner.callback(callback))
    }

    fn with(mut self, add: impl FnOnce(crate::RunningTask) -> crate::RunningTask) -> Self {
        self.inner = add(self.inner);
        self
    }
}
