//! What shall be done: a task that was not sent yet.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{
    Context, Failure, LogLine, Outcome, OutputContent, Payload, Progress, TaskId, TaskStatus,
};

use super::RunningTask;
use super::carrier::Carrier;
use crate::callbacks::{Callback, callback_setters};
use crate::error::{HookError, NotStarted, StartError};
use crate::hooks::start_hook_setters;

/// What shall be done: function, data, hooks and callbacks, as [`crate::Task`]. Not sent yet,
/// status IDLE; dropping it has no effect anywhere.
#[derive(Debug)]
#[must_use = "a task does nothing until it is started"]
pub struct Task {
    pub(super) inner: crate::Task,
    pub(super) carrier: Arc<Carrier>,
}

impl Task {
    /// Names the function; without a name the slave's default function runs.
    pub fn function(self, name: impl AsRef<str>) -> Self {
        self.with(|inner| inner.function(name))
    }

    /// Ends the task TIMED_OUT when it has not ended after `deadline`, counted from `start()`;
    /// the time in the queue counts. Default none.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.with(|inner| inner.deadline(deadline))
    }

    /// Time in which the start must be answered; default the connection's, 10 s.
    pub fn start_deadline(self, deadline: Duration) -> Self {
        self.with(|inner| inner.start_deadline(deadline))
    }

    /// Runs it in front: at most one such task on a slave, refused when there is one, never
    /// queued. Default in the background, beside others (bluesky: `run_in_background`).
    pub fn foreground(self) -> Self {
        self.with(crate::Task::foreground)
    }

    /// A label to find it by on its slave: see [`crate::Task::label`].
    pub fn label(self, key: impl AsRef<str>, value: impl fmt::Display) -> Self {
        self.with(|inner| inner.label(key, value))
    }

    /// Makes it a child of the execution whose function starts it: see [`crate::Task::child_of`].
    pub fn child_of(self, parent: Context) -> Self {
        self.with(|inner| inner.child_of(parent))
    }

    /// Which task. The id is the same before and after the start.
    pub fn id(&self) -> TaskId {
        self.inner.id()
    }

    /// The name of the connection it is for.
    pub fn connection(&self) -> &str {
        self.inner.connection()
    }

    /// The name of its function; empty for the slave's default one.
    pub fn function_name(&self) -> &str {
        self.inner.function_name()
    }

    /// The data it was given.
    pub fn data(&self) -> &Payload {
        self.inner.data()
    }

    /// Always IDLE: what was started is a [`RunningTask`].
    pub const fn status(&self) -> TaskStatus {
        self.inner.status()
    }

    /// Always `None`: it has not run.
    pub const fn outcome(&self) -> Option<Outcome> {
        self.inner.outcome()
    }

    /// Sends the data and waits until the slave has accepted the task.
    ///
    /// On a connection that is not up the start waits for it, until the start deadline.
    ///
    /// # Errors
    ///
    /// [`StartError`]: every variant but `Unknown` means that the function did not run and never
    /// will, and gives back the data. After `Unknown`,
    /// [take up](super::Connection::take_up) the task it carries, and join it.
    pub fn start(self) -> Result<RunningTask, StartError> {
        let Self { inner, carrier } = self;
        if let Err(source) = carrier.may_wait("start()") {
            let task = NotStarted { id: inner.id(), data: inner.data().clone() };
            return Err(StartError::InsideRuntime { task, source });
        }
        let inner = carrier.run(inner.start())?;
        Ok(RunningTask { inner, carrier })
    }

    fn with(mut self, change: impl FnOnce(crate::Task) -> crate::Task) -> Self {
        self.inner = change(self.inner);
        self
    }
}

/// Hooks. `before_start` and `on_start_error` run on the thread that calls `start()`.
impl Task {
    start_hook_setters!(inner.hooks());
}

/// Callbacks. They run in the order in which they were chained, on threads of the library's own,
/// before `join()` returns; sync ones may block, and wait for other tasks. One that panics is
/// recorded in the outcome and the others run all the same.
impl Task {
    callback_setters!();

    fn callback(self, callback: Callback) -> Self {
        self.with(|inner| inner.callback(callback))
    }

    /// Keeps what the function shows, folded by key and verb, for [`RunningTask::picture`].
    /// Default not.
    pub fn keep_picture(self) -> Self {
        self.with(crate::Task::keep_picture)
    }

    /// Is told whatever the function shows: progress, lines of its log, plots, tables and all
    /// else.
    pub fn on_output(self, f: impl FnMut(&OutputContent) + Send + 'static) -> Self {
        self.with(|inner| inner.on_output(f))
    }

    /// Is told how far the function has come.
    pub fn on_progress(self, f: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.with(|inner| inner.on_progress(f))
    }

    /// Is told each line of the function's log.
    pub fn on_log(self, f: impl FnMut(&LogLine) + Send + 'static) -> Self {
        self.with(|inner| inner.on_log(f))
    }
}
