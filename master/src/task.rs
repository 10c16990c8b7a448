//! What shall be done: a task that was not sent yet.

pub(crate) mod start;
mod starting;
pub(crate) mod stops;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::proto::Placement;
use selsyn_common::{
    Context, ExecutionId, Failure, Lineage, LogLine, Outcome, OutputContent, Payload, Progress,
    StopSignal, TaskId, TaskStatus,
};
use tokio::time::Instant;
use triomphe::UniqueArc;

use crate::callbacks::{Callback, callback_setters};
use crate::cell::{Cell, SharedCell};
use crate::connection::link::Link;
use crate::error::{HookError, StartError};
use crate::hooks::{StartHooks, start_hook_setters};
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
    /// Where it lives from here to its end, so that nothing of it is moved on its way.
    cell: UniqueArc<Cell>,
    rare: Option<Box<Rare>>,
}

/// What few tasks ask for: kept apart, as a task is moved several times on its way.
struct Rare {
    hooks: StartHooks,
    deadline: Option<Duration>,
    /// `None` is the connection's.
    start_deadline: Option<Duration>,
    placement: Placement,
    lineage: Option<Box<Lineage>>,
    labels: Vec<String>,
    /// When what it belongs to is ended.
    bound: Option<Instant>,
    stops: Stops,
    waits_for_connection: bool,
}

impl Default for Rare {
    fn default() -> Self {
        Self {
            hooks: StartHooks::default(),
            deadline: None,
            start_deadline: None,
            placement: Placement::Background,
            lineage: None,
            labels: Vec::new(),
            bound: None,
            stops: Stops::default(),
            waits_for_connection: true,
        }
    }
}

impl Rare {
    /// Whether it stands in line as any other, without hooks, and nobody else may stop it.
    fn is_plain(&self) -> bool {
        self.waits_for_connection && self.stops.is_empty() && self.hooks.is_empty()
    }
}

impl Task {
    #[inline]
    pub(crate) fn new(link: Arc<Link>, data: Payload) -> Self {
        let id = ExecutionId::first(link.next_task_id());
        Self { cell: Cell::new(id, data, link), rare: None }
    }

    /// What is started, and what few ask for.
    fn into_parts(self) -> (SharedCell, Option<Box<Rare>>) {
        (self.cell.shareable(), self.rare)
    }

    /// Whether it has neither hooks nor anybody else who may stop it: most tasks.
    fn is_plain(&self) -> bool {
        let is_plain = self.rare.as_ref().is_none_or(|rare| rare.is_plain());
        is_plain && self.cell.link().hooks.start.is_empty()
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Its own hooks, to be set.
    pub(crate) fn hooks(&mut self) -> &mut StartHooks {
        &mut self.rare().hooks
    }

    /// Takes its hooks: its own, and those of the connection where it has none.
    fn take_hooks(&mut self) -> StartHooks {
        let own = self.rare.as_mut().map(|rare| std::mem::take(&mut rare.hooks));
        own.unwrap_or_default().or(&self.cell.link().hooks.start)
    }

    /// Names the function; without a name the slave's default function runs.
    pub fn function(mut self, name: impl AsRef<str>) -> Self {
        self.cell.function.set(name.as_ref());
        self
    }

    /// Ends the task TIMED_OUT when it has not ended after `deadline`, counted from `start()`;
    /// the time in the queue counts. Default none.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.rare().deadline = Some(deadline);
        self
    }

    /// Time in which the start must be answered; default the connection's, 10 s.
    pub fn start_deadline(mut self, deadline: Duration) -> Self {
        self.rare().start_deadline = Some(deadline);
        self
    }

    /// Runs it in front: at most one such task on a slave, refused when there is one, never
    /// queued. Default in the background, beside others (bluesky: `run_in_background`).
    pub fn foreground(mut self) -> Self {
        self.rare().placement = Placement::Foreground;
        self
    }

    /// A label to find it by on its slave, as with `control.list().label("team=vision")`; any
    /// number, of 256 bytes together, each with one for its `=`. A start with more is refused.
    /// Default none.
    pub fn label(mut self, key: impl AsRef<str>, value: impl fmt::Display) -> Self {
        self.rare().labels.push(format!("{}={value}", key.as_ref()));
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
        rare.lineage = Some(Box::new(parent.lineage()));
        let bound = parent.deadline().map(Instant::from_std);
        rare.bound = rare.bound.into_iter().chain(bound).min();
        self.stopped_by(Arc::clone(parent.signal()))
    }

    pub(crate) fn execution_id(&self) -> ExecutionId {
        self.cell.id
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        self.cell.link()
    }

    /// Those who may stop it.
    pub(crate) fn stops(&self) -> Stops {
        self.rare.as_ref().map(|rare| rare.stops.clone()).unwrap_or_default()
    }

    /// Time in which its start must be answered.
    pub(crate) fn start_patience(&self) -> Duration {
        let own = self.rare.as_ref().and_then(|rare| rare.start_deadline);
        own.unwrap_or(self.cell.link().settings.start_deadline)
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
    pub fn id(&self) -> TaskId {
        self.cell.id.task
    }

    /// The name of the connection it is for.
    pub fn connection(&self) -> &str {
        &self.cell.link().name
    }

    /// The name of its function; empty for the slave's default one.
    pub fn function_name(&self) -> &str {
        self.cell.function.as_str()
    }

    /// The data it was given.
    pub fn data(&self) -> &Payload {
        &self.cell.data
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
    #[inline]
    pub fn start(self) -> impl Future<Output = Result<RunningTask, StartError>> + Send {
        // No async fn: it would be a second future around this one, paid for by every task.
        Starting::new(self)
    }
}

/// Hooks.
impl Task {
    start_hook_setters!(hooks());
}

/// Callbacks. They run in the order in which they were chained, away from the network, before
/// `join()` returns; one that panics is recorded in the outcome and the others run all the same.
/// A start that fails is told to `on_start_error` instead.
impl Task {
    callback_setters!();

    pub(crate) fn callback(mut self, callback: Callback) -> Self {
        // It has not ended: there is no worker to spawn.
        let _ = self.cell.state_mut().mailbox().push_callback(callback, false);
        self
    }

    /// Keeps what the function shows, folded by key and verb: read it by
    /// [`RunningTask::picture`], while it runs and after. Default not, as it takes up to
    /// [`Picture::MAX_BYTES`](selsyn_common::Picture::MAX_BYTES).
    pub fn keep_picture(self) -> Self {
        self.cell.keep_picture();
        self
    }

    /// Is told whatever the function shows: progress, lines of its log, plots, tables and all
    /// else.
    pub fn on_output(self, f: impl FnMut(&OutputContent) + Send + 'static) -> Self {
        self.cell.on_output(f);
        self
    }

    /// Is told how far the function has come.
    pub fn on_progress(self, f: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.cell.on_progress(f);
        self
    }

    /// Is told each line of the function's log.
    pub fn on_log(self, f: impl FnMut(&LogLine) + Send + 'static) -> Self {
        self.cell.on_log(f);
        self
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("id", &self.cell.id)
            .field("function", &self.function_name())
            .field("data", &self.cell.data)
            .finish_non_exhaustive()
    }
}
