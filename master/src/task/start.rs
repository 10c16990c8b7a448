//! Takes a task from IDLE to STARTED, or says why not: a start is never a lie.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{FailedTask, Failure, FailureKind, Payload, Ran, TaskStatus};
use tokio::time::{Instant, timeout, timeout_at};

use super::{Stops, Task};
use crate::cell::{Answer, Cell};
use crate::connection::link::Link;
use crate::delivery::Mailbox;
use crate::dispatch::Outgoing;
use crate::error::{NotStarted, StartError};
use crate::hooks::{self, Accepted, OnStartError, StartHooks};
use crate::running::RunningTask;

/// Time for the slave to answer the cancel of a start that it did not answer. An answer settles
/// what became of it; without one nobody knows.
const CANCEL_PATIENCE: Duration = Duration::from_secs(1);

/// Starts the task and runs the hooks around it.
pub(super) async fn start(task: Task) -> Result<RunningTask, StartError> {
    match attempt(task).await {
        Ok(running) => Ok(running),
        Err(failed) => failed.tell(),
    }
}

/// A start that failed, and whose hook has not been told.
pub(crate) struct Failed {
    pub(crate) error: StartError,
    cell: Arc<Cell>,
    hooks: StartHooks,
}

/// Starts the task; a failure is not told to `on_start_error`, as another attempt may follow.
pub(crate) async fn attempt(mut task: Task) -> Result<RunningTask, Box<Failed>> {
    task.hooks.or(&task.link.hooks.start);
    let mut mailbox = std::mem::take(&mut task.mailbox);
    if task.hooks.after.is_some() {
        // What comes after the start is told after its hook.
        mailbox.hold();
    }
    let cell = new_cell(&task, mailbox);
    let hooks = std::mem::take(&mut task.hooks);
    let _held = hooks.after.is_some().then(|| LetGoOnDrop(Arc::clone(&cell)));
    match send_and_wait(task, &cell, &hooks).await {
        Ok(reply) => Ok(accepted(cell, &hooks, reply).await),
        Err(error) => Err(Box::new(Failed::new(error, cell, hooks))),
    }
}

fn new_cell(task: &Task, mailbox: Mailbox) -> Arc<Cell> {
    let cell = Cell::new(task.id, task.data.clone(), Arc::clone(&task.link), mailbox);
    Arc::new(cell.of_function(&task.function))
}

/// Tells the after_start hook; what it does cannot change what happened.
async fn accepted(cell: Arc<Cell>, hooks: &StartHooks, reply: Option<Payload>) -> RunningTask {
    cell.state().handed_out = true;
    let told = Accepted { task: cell.id.task, data: cell.sent_data().clone(), reply };
    if let Some(message) = hooks::tell(hooks.after.as_ref(), told).await {
        cell.hook_panicked(format!("after_start: {message}"));
    }
    RunningTask::new(cell)
}

/// Lets the callbacks go that were held, however the start ends.
struct LetGoOnDrop(Arc<Cell>);

impl Drop for LetGoOnDrop {
    fn drop(&mut self) {
        crate::delivery::work(&self.0);
    }
}

/// Fails a start without trying: because it was stopped, else with this error.
pub(crate) fn fail(
    mut task: Task,
    error: impl FnOnce(NotStarted) -> StartError,
) -> Result<RunningTask, StartError> {
    task.hooks.or(&task.link.hooks.start);
    let mailbox = std::mem::take(&mut task.mailbox);
    let cell = new_cell(&task, mailbox);
    let error = match task.stops.reason() {
        Some(reason) => stopped(&cell, reason),
        None => error(NotStarted { id: cell.id.task, data: cell.data.clone() }),
    };
    Failed::new(error, cell, task.hooks).tell()
}

impl Failed {
    /// An unknown start is not failed.
    fn new(error: StartError, cell: Arc<Cell>, hooks: StartHooks) -> Self {
        if !matches!(error, StartError::Unknown(_)) {
            cell.start_failed(error.to_string());
        }
        Self { error, cell, hooks }
    }

    /// Tells the on_start_error hook, which may swallow the error.
    pub(crate) fn tell(self) -> Result<RunningTask, StartError> {
        let Self { error, cell, hooks } = self;
        let Some(hook) = &hooks.error else {
            return Err(error);
        };
        let verdict =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hook(&cell.data, &error)));
        match verdict {
            Ok(OnStartError::Swallow) => Ok(RunningTask::new(cell)),
            Ok(OnStartError::Propagate) => Err(error),
            Err(panic) => {
                let message = crate::delivery::panic_message(panic.as_ref());
                cell.hook_panicked(format!("on_start_error: {message}"));
                Err(error)
            }
        }
    }
}

/// Sends the start, and waits for what becomes of it until the start deadline.
async fn send_and_wait(
    task: Task,
    cell: &Arc<Cell>,
    hooks: &StartHooks,
) -> Result<Option<Payload>, StartError> {
    let begun = Instant::now();
    let not_started = || NotStarted { id: cell.id.task, data: cell.data.clone() };
    let data = hooks::ask(hooks.before.as_ref(), task.data).await;
    let data = data.map_err(|said| StartError::Hook { task: not_started(), said })?;
    cell.sent.get_or_init(|| data.clone());
    if let Some(reason) = task.stops.reason() {
        return Err(stopped(cell, reason));
    }
    if !task.waits_for_connection && !task.link.state().is_up() {
        return settle(&task.stops, cell, Answer::NotSent);
    }
    // Too far away to be told apart from never.
    let deadline = task.deadline.and_then(|deadline| begun.checked_add(deadline));
    let deadline = deadline.into_iter().chain(task.bound).min();
    let patience = begun.checked_add(task.start_deadline);
    let Task { link, function, placement, lineage, stops, .. } = task;
    let start = Outgoing { function, data, deadline, placement, lineage };
    if let Err(answer) = link.start(cell, start) {
        return settle(&stops, cell, answer);
    }
    stops.watch(cell);
    let guard = CancelOnDrop(Some(cell));
    let answer = match patience {
        Some(until) => timeout_at(until, answered(cell)).await.ok(),
        None => Some(answered(cell).await),
    };
    guard.disarm();
    let answer = match answer {
        Some(answer) => answer,
        None => give_up(&link, cell, begun).await?,
    };
    settle(&stops, cell, answer)
}

fn stopped(cell: &Cell, reason: String) -> StartError {
    let source = FailedTask {
        connection: cell.link.name.as_str().into(),
        task: cell.id.task,
        function: cell.function.as_str().into(),
        status: TaskStatus::StartFailed,
        failure: Box::new(Failure::of(FailureKind::Aborted, reason, Ran::No)),
    };
    StartError::Stopped { task: NotStarted { id: cell.id.task, data: cell.data.clone() }, source }
}

async fn answered(cell: &Cell) -> Answer {
    cell.until(|state| state.answer.clone()).await
}

/// The start deadline is over. A start that was not sent is taken back; one that was is
/// cancelled, and if even that is not answered, nobody knows.
async fn give_up(link: &Link, cell: &Arc<Cell>, begun: Instant) -> Result<Answer, StartError> {
    if link.cancel(cell.id, "the start was not answered in time") {
        let task = NotStarted { id: cell.id.task, data: cell.data.clone() };
        let (connection, waited) = (link.name.clone(), begun.elapsed());
        let source = link.last_dial().map(Box::new);
        return Err(StartError::Deadline { task, connection, waited, source });
    }
    if let Ok(answer) = timeout(CANCEL_PATIENCE, answered(cell)).await {
        return Ok(answer);
    }
    let unknown = || StartError::Unknown(RunningTask::new(Arc::clone(cell)));
    cell.give_up_waiting().ok_or_else(unknown)
}

/// What an answer means for whoever called `start()`.
fn settle(stops: &Stops, cell: &Arc<Cell>, answer: Answer) -> Result<Option<Payload>, StartError> {
    let link = &cell.link;
    if let (Answer::NotSent | Answer::Forbidden, Some(reason)) = (&answer, stops.reason()) {
        return Err(stopped(cell, reason));
    }
    let task = NotStarted { id: cell.id.task, data: cell.data.clone() };
    let connection = link.name.clone();
    match answer {
        Answer::Accepted(reply) => Ok(reply),
        Answer::Refused(refusal) => Err(StartError::Refused { task, connection, refusal }),
        Answer::Forbidden => Err(StartError::Forbidden { task, connection }),
        Answer::TooLarge(limit) => {
            Err(StartError::TooLarge { task, connection, bytes: cell.sent_data().len(), limit })
        }
        Answer::TooManyInFlight => {
            let limit = link.settings.max_in_flight;
            Err(StartError::TooManyInFlight { task, connection, limit })
        }
        Answer::Lost => Err(StartError::Unknown(RunningTask::new(Arc::clone(cell)))),
        Answer::NotSent => match link.why_given_up().map(Box::new) {
            Some(source) => Err(StartError::NotConnected { task, connection, source }),
            None => Err(StartError::Closed { task, connection }),
        },
    }
}

/// Cancels a start whose future is dropped before it was answered.
struct CancelOnDrop<'a>(Option<&'a Arc<Cell>>);

impl CancelOnDrop<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(cell) = self.0 {
            cell.link.cancel(cell.id, "the start was dropped");
        }
    }
}
