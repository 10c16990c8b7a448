//! Executions of a slave, looked at, started and stopped by their ids, without a session.

mod error;
mod execution;
mod input;
mod line;
mod list;
mod logview;
mod parts;
mod progress;
mod queue;
mod start;
mod wait;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::proto::{
    ExecutionExistsRequest, GetExecutionRequest, ListFunctionsRequest, ResultRequest,
    StopExecutionRequest,
};
use selsyn_common::{
    ExecutionId, ExecutionInfo, IntoPayload, MasterId, Outcome, PayloadError, TaskId,
};

use crate::config::Settings;
use crate::dispatch::dial::Dial;
use crate::function_call::FunctionCalls;
use crate::master::Shared;
use line::Line;

pub(crate) use line::Ask;

pub use error::ControlError;
pub use execution::Execution;
pub use list::{ExecutionPages, ListExecutions};
pub use parts::PartsFailed;
pub use queue::{QueuePosition, QueuedExecution};
pub use start::StartDetached;
pub(crate) use wait::LOOK;
pub use wait::{WaitLook, WaitMonitor, WaitedExecution};
pub use watch::Watch;

/// Time in which a slave must answer a call, unless another is set.
const PATIENCE: Duration = Duration::from_secs(10);

/// Executions of a page of those that are named: all of them, as each page is asked for by their names.
const LISTED: u32 = 10_000;

/// Looks at the executions of one slave, whoever started them, and starts and stops some: the way
/// of tools, and of whoever comes back for what was started elsewhere. Cheap to clone.
///
/// Made by [`Master::control`](crate::Master::control) and
/// [`Connection::executions`](crate::Connection::executions). It needs no session and changes
/// none. It dials at its first call, and anew when what it dialled has broken; every call is
/// answered in time or fails, and can be made again.
///
/// After PyODPS, whose instances these are: `list_instances`, `exist_instance`, `get_instance`,
/// `stop_instance`, `wait_for_completion`, `wait_for_success`, and the results of their parts.
///
/// ```no_run
/// use std::time::Duration;
/// use selsyn_common::Phase;
/// use selsyn_master::Master;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let control = Master::new()?.control("10.0.4.12")?;
/// for execution in control.list().status(Phase::Running).await? {
///     println!("{} {} since {:?}", execution.id, execution.function, execution.began);
/// }
/// let training = control.start("train", &serde_json::json!({"epochs": 20}))?.label("nightly").await?;
/// let mut events = training.watch();
/// while let Some(event) = events.next().await {
///     println!("{:?}", event?);
/// }
/// let loss: f64 = control.wait_for_success(training.id(), Some(Duration::from_secs(60))).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Control(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    address: String,
    patience: Duration,
    monitor: Option<WaitMonitor>,
    master: Arc<Shared>,
    calls: Line,
    /// Watches have a channel of their own: what they bring must not hold up an answer.
    watches: Line,
}

impl Control {
    pub(crate) fn new(
        address: String,
        dial: Dial,
        settings: &Settings,
        master: Arc<Shared>,
    ) -> Self {
        let line = || Line::new(address.clone(), Arc::clone(&dial), settings);
        let (calls, watches) = (line(), line());
        let monitor = None;
        Self(Arc::new(Inner { address, patience: PATIENCE, monitor, master, calls, watches }))
    }

    /// Time in which the slave must answer a call; default 10 s.
    #[must_use = "the other handle keeps its patience"]
    pub fn with_patience(&self, patience: Duration) -> Self {
        Self(Arc::new(Inner { patience, ..Inner::clone(&self.0) }))
    }

    /// Lets somebody look at the one wait that this handle is for, and cancel it; default nobody.
    #[must_use = "the other handle's waits are not looked at"]
    pub fn with_monitor(&self, monitor: &WaitMonitor) -> Self {
        let monitor = Some(monitor.clone());
        Self(Arc::new(Inner { monitor, ..Inner::clone(&self.0) }))
    }

    /// Where the slave is dialled.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// Who owns what is started here: this master.
    pub fn owner(&self) -> MasterId {
        self.0.master.id
    }

    /// Names a task that is about to be started.
    pub(crate) fn new_task_id(&self) -> TaskId {
        self.0.master.next_task_id(false)
    }

    /// The same slave in the words of bluesky queueserver: see [`FunctionCalls`].
    pub fn function_calls(&self) -> FunctionCalls {
        FunctionCalls::new(self.clone())
    }

    /// The names of the slave's functions, in their order.
    ///
    /// # Errors
    ///
    /// [`ControlError::Connect`] and [`ControlError::Timeout`]: try again.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn functions(&self) -> Result<Vec<String>, ControlError> {
        let ask: Ask<_, _> =
            |mut slave, it| Box::pin(async move { slave.list_functions(it).await });
        let reply = self.call(None, Duration::ZERO, ListFunctionsRequest {}, ask).await?;
        Ok(reply.functions.into_iter().map(|function| function.name).collect())
    }

    /// Begins a list of executions, newest first: set filters, then await it, or turn its pages.
    pub fn list(&self) -> ListExecutions {
        ListExecutions::new(self.clone())
    }

    /// What the slave says of executions that are named; those that it does not have are left out.
    ///
    /// # Errors
    ///
    /// As for [`functions`](Self::functions); [`ControlError::Rejected`] for more than 10,000.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn statuses(
        &self,
        ids: impl IntoIterator<Item = ExecutionId>,
    ) -> Result<Vec<ExecutionInfo>, ControlError> {
        let ids: Vec<_> = ids.into_iter().collect();
        if ids.is_empty() { Ok(Vec::new()) } else { self.list().only(ids).page_size(LISTED).await }
    }

    /// What the slave says of one execution (PyODPS: `get_instance`, which finds out later).
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`] when it never was there; [`ControlError::Expired`] when it is
    /// kept no more; otherwise as for [`functions`](Self::functions).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn get(&self, id: ExecutionId) -> Result<ExecutionInfo, ControlError> {
        let request = GetExecutionRequest { execution: Some(id.into()) };
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.get_execution(it).await });
        let info = self.call(Some(id), Duration::ZERO, request, ask).await?;
        self.read(info)
    }

    /// Whether the slave has an execution (PyODPS: `exist_instance`). One that is kept no more does
    /// not exist.
    ///
    /// # Errors
    ///
    /// As for [`functions`](Self::functions).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn exists(&self, id: ExecutionId) -> Result<bool, ControlError> {
        let request = ExecutionExistsRequest { execution: Some(id.into()) };
        let ask: Ask<_, _> =
            |mut slave, it| Box::pin(async move { slave.execution_exists(it).await });
        Ok(self.call(Some(id), Duration::ZERO, request, ask).await?.exists)
    }

    /// Asks an execution to stop, and returns at once (PyODPS: `stop_instance`): wait for it to
    /// learn what came of it. Gives how far it has come.
    ///
    /// # Errors
    ///
    /// [`ControlError::AlreadyTerminal`] when it has ended; otherwise as for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the wish on its way.
    pub async fn stop(
        &self,
        id: ExecutionId,
        reason: impl Into<String>,
    ) -> Result<ExecutionInfo, ControlError> {
        self.ask_to_stop(id, reason.into(), false).await
    }

    /// As [`stop`](Self::stop), but one that has ended is as good as one that was stopped.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// As for [`stop`](Self::stop).
    pub async fn ensure_stopped(
        &self,
        id: ExecutionId,
        reason: impl Into<String>,
    ) -> Result<ExecutionInfo, ControlError> {
        self.ask_to_stop(id, reason.into(), true).await
    }

    async fn ask_to_stop(
        &self,
        id: ExecutionId,
        reason: String,
        ended_is_fine: bool,
    ) -> Result<ExecutionInfo, ControlError> {
        let request = StopExecutionRequest { execution: Some(id.into()), reason, ended_is_fine };
        let ask: Ask<_, _> =
            |mut slave, it| Box::pin(async move { slave.stop_execution(it).await });
        let info = self.call(Some(id), Duration::ZERO, request, ask).await?;
        self.read(info)
    }

    /// Tells the events of an execution from a number on, 1 being the first, until it has ended.
    /// Nothing is asked for before the first event is.
    ///
    /// What is kept no more is told as one [`Happened::Gap`](selsyn_common::Happened::Gap), from where
    /// the watch stands to the oldest event that is kept: watches that stand at the same number are
    /// told the same, and one that keeps up with the function is told none.
    pub fn watch(&self, id: ExecutionId, from: u64) -> Watch {
        Watch::new(self.clone(), id, from)
    }

    /// How an execution ended. Takes nothing: it can be asked for again, while it is kept.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotEnded`] when it has not; otherwise as for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn result(&self, id: ExecutionId) -> Result<Outcome, ControlError> {
        self.result_within(id, Duration::ZERO).await
    }

    async fn result_within(
        &self,
        id: ExecutionId,
        wait: Duration,
    ) -> Result<Outcome, ControlError> {
        let wait_millis = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let request = ResultRequest { execution: Some(id.into()), wait_millis };
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.result(it).await });
        let outcome = self.call(Some(id), wait, request, ask).await?;
        self.read(outcome)
    }

    /// Begins an execution that belongs to no session: set more of it, then await its acceptance.
    /// It runs whether or not this program stays; its result is kept for a while after its end.
    /// An empty name means the slave's default function.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the data has no JSON form.
    pub fn start(
        &self,
        function: impl Into<String>,
        data: impl IntoPayload,
    ) -> Result<StartDetached, PayloadError> {
        Ok(StartDetached::new(self.clone(), function.into(), data.into_payload()?))
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Control").field("address", &self.address()).finish_non_exhaustive()
    }
}
