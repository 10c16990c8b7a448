//! What shall be done: a task that was not sent yet.

pub(crate) mod start;
mod starting;
pub(crate) mod stops;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::proto::Placement;
use selsyn_common::{
    Context, ExecutionId, Failure, Lineage, LogLine, Outcome, Payload, Progress, StopSignal,
    TaskId, TaskStatus,
};
use tokio::time::Instant;

use crate::callbacks::{Callback, callback_setters};
use crate::cell::Fixed;
use crate::connection::link::Link;
use crate::delivery::Mailbox;
use crate::error::{HookError, StartError};
use crate::hooks::{TaskHooks, start_hook_setters};
use crate::running::RunningTask;
use starting::Starting;
use stops::Stops;

/// What shall be done: function, data, hooks and callbacks. Not sent yet, status IDLE; dropping
/// it has no effect anywhere.
///
/// `start` takes the task, so that it cannot be started twice; only the [`RunningTask`] it gives
/// can be joined (DI-engine: `Task`).
#[must_use = "a task does nothing until it is started"]
pub struct Task {
    /// What it is from its start to its end.
    fixed: Fixed,
    deadline: Option<Duration>,
    start_deadline: Duration,
    placement: Placement,
    mailbox: Option<Box<Mailbox>>,
    pub(crate) hooks: TaskHooks,
    rare: Option<Box<Rare>>,
}

/// What few tasks have: kept apart, as a task is moved several times on its way.
struct Rare {
    lineage: Option<Lineage>,
    /// When what it belongs to is ended.
    bound: Option<Instant>,
    stops: Stops,
    waits_for_connection: bool,
}

impl Default for Rare {
    fn default() -> Self {
        Self { lineage: None, bound: None, stops: Stops::default(), waits_for_connection: true }
    }
}

impl Task {
    pub(crate) fn new(link: Arc<Link>, data: Payload) -> Self {
        let id = ExecutionId::first(link.master.next_task_id());
        let start_deadline = link.settings.start_deadline;
        Self {
            fixed: Fixed { id, function: Box::default(), data, link },
            deadline: None,
            start_deadline,
            placement: Placement::Background,
            mailbox: None,
            hooks: TaskHooks::default(),
            rare: None,
        }
    }

    /// Whether it has neither hooks nor anybody else who may stop it: most tasks.
    fn is_plain(&self) -> bool {
        let general = &self.fixed.link.hooks.start;
        self.rare.is_none() && self.hooks.is_empty() && general.is_empty()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Names the function; without a name the slave's default function runs.
    pub fn function(mut self, name: impl Into<String>) -> Self {
        self.fixed.function = name.into().into_boxed_str();
        self
    }

    /// Ends the task TIMED_OUT when it has not ended after `deadline`, counted from `start()`;
    /// the time in the queue counts. Default none.
    pub const fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Time in which the start must be answered; default the connection's, 10 s.
    pub const fn start_deadline(mut self, deadline: Duration) -> Self {
        self.start_deadline = deadline;
        self
    }

    /// Runs it in front: at most one such task on a slave, refused when there is one, never
    /// queued. Default in the background, beside others (bluesky: `run_in_background`).
    pub const fn foreground(mut self) -> Self {
        self.placement = Placement::Foreground;
        self
    }

    /// Makes it a child of the execution that starts it: for functions that hold a master.
    ///
    /// It has no more time than its parent has left when it starts, it is cancelled when the
    /// parent is asked to stop or has ended, and the slave is told whose child it is. A parent
    /// that waits for the end of its children needs a longer abort grace than they have.
    ///
    /// ```
    /// use selsyn_common::{Context, Failure};
    /// use selsyn_master::Connection;
    ///
    /// // In a function: learn(&connection, execution.context()).await?
    /// async fn learn(learner: &Connection, parent: Context) -> Result<f64, Failure> {
    ///     let running = learner.new_task(3)?.function("learn").child_of(parent).start().await?;
    ///     Ok(running.success().await?)
    /// }
    /// ```
    pub fn child_of(mut self, parent: Context) -> Self {
        let rare = self.rare();
        rare.lineage = Some(parent.lineage());
        let bound = parent.deadline().map(Instant::from_std);
        rare.bound = rare.bound.into_iter().chain(bound).min();
        self.stopped_by(Arc::clone(parent.signal()))
    }

    pub(crate) const fn execution_id(&self) -> ExecutionId {
        self.fixed.id
    }

    pub(crate) const fn link(&self) -> &Arc<Link> {
        &self.fixed.link
    }

    /// Those who may stop it.
    pub(crate) fn stops(&self) -> Stops {
        self.rare.as_ref().map(|rare| rare.stops.clone()).unwrap_or_default()
    }

    /// Time in which its start must be answered.
    pub(crate) const fn start_patience(&self) -> Duration {
        self.start_deadline
    }

    /// Gives the start up rather than waiting for a connection.
    pub(crate) fn only_if_up(mut self) -> Self {
        self.rare().waits_for_connection = false;
        self
    }

    /// Stops it when somebody else says so.
    pub(crate) fn stopped_by(mut self, signal: Arc<dyn StopSignal>) -> Self {
        self.rare().stops.add(signal);
        self
    }

    /// Which task. The id is the same before and after the start.
    pub const fn id(&self) -> TaskId {
        self.fixed.id.task
    }

    /// The name of the connection it is for.
    pub fn connection(&self) -> &str {
        &self.fixed.link.name
    }

    /// The name of its function; empty for the slave's default one.
    pub fn function_name(&self) -> &str {
        &self.fixed.function
    }

    /// The data it was given.
    pub const fn data(&self) -> &Payload {
        &self.fixed.data
    }

    /// Always IDLE: what was started is a [`RunningTask`].
    pub const fn status(&self) -> TaskStatus {
        TaskStatus::Idle
    }

    /// Always `None`: it has not run.
    pub const fn outcome(&self) -> Option<Outcome> {
        None
    }

    /// Sends the data and waits until the slave has accepted the task.
    ///
    /// On a connection that is not up the start waits for it, until the start deadline.
    ///
    /// # Errors
    ///
    /// [`StartError`]: every variant but `Unknown` means that the function did not run and never
    /// will, and gives back the data. After `Unknown`, join the task it carries.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future before the slave has accepted cancels the task.
    pub async fn start(self) -> Result<RunningTask, StartError> {
        Starting::new(self).await
    }
}

/// Hooks.
impl Task {
    start_hook_setters!(hooks);
}

/// Callbacks. They run in the order in which they were chained, away from the network, before
/// `join()` returns; one that panics is recorded in the outcome and the others run all the same.
/// A start that fails is told to `on_start_error` instead.
impl Task {
    callback_setters!();

    pub(crate) fn callback(mut self, callback: Callback) -> Self {
        // It has not ended: there is no worker to spawn.
        let _ = self.mailbox.get_or_insert_default().push_callback(callback, false);
        self
    }

    /// Is told how far the function has come.
    pub fn on_progress(mut self, f: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.mailbox.get_or_insert_default().on_progress(f);
        self
    }

    /// Is told each line of the function's log.
    pub fn on_log(mut self, f: impl FnMut(&LogLine) + Send + 'static) -> Self {
        self.mailbox.get_or_insert_default().on_log(f);
        self
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.fixed.id)
            .field("function", &self.fixed.function)
            .field("data", &self.fixed.data)
            .finish_non_exhaustive()
    }
}
