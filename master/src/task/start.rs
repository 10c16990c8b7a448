//! Takes a task from IDLE to STARTED, or says why not: a start is never a lie.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::Payload;
use tokio::time::{Instant, timeout, timeout_at};

use super::Task;
use crate::cell::{Answer, Cell};
use crate::connection::link::Link;
use crate::dispatch::Outgoing;
use crate::error::{NotStarted, StartError};
use crate::hooks::{self, Accepted, OnStartError, StartHooks};
use crate::running::RunningTask;

/// Time for the slave to answer the cancel of a start that it did not answer. An answer settles
/// what became of it; without one nobody knows.
const CANCEL_PATIENCE: Duration = Duration::from_secs(1);

/// Starts the task and runs the hooks around it.
pub(super) async fn start(mut task: Task) -> Result<RunningTask, StartError> {
    task.hooks.or(&task.link.hooks.start);
    let mut mailbox = std::mem::take(&mut task.mailbox);
    if task.hooks.after.is_some() {
        // What comes after the start is told after its hook.
        mailbox.hold();
    }
    let cell = Arc::new(Cell::new(task.id, task.data.clone(), Arc::clone(&task.link), mailbox));
    let hooks = std::mem::take(&mut task.hooks);
    let _held = hooks.after.is_some().then(|| LetGoOnDrop(Arc::clone(&cell)));
    match send_and_wait(task, &cell, &hooks).await {
        Ok(reply) => Ok(accepted(cell, &hooks, reply).await),
        Err(error) => failed(cell, &hooks, error),
    }
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

/// Tells the on_start_error hook, which may swallow the error. An unknown start is not failed.
fn failed(
    cell: Arc<Cell>,
    hooks: &StartHooks,
    error: StartError,
) -> Result<RunningTask, StartError> {
    if !matches!(error, StartError::Unknown(_)) {
        cell.start_failed(error.to_string());
    }
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
    // Too far away to be told apart from never.
    let deadline = task.deadline.and_then(|deadline| begun.checked_add(deadline));
    let start = Outgoing { function: task.function, data, deadline, placement: task.placement };
    let link = &task.link;
    if let Err(answer) = link.start(cell, start) {
        return settle(link, cell, answer);
    }
    let guard = CancelOnDrop(Some(cell));
    let answer = match begun.checked_add(task.start_deadline) {
        Some(until) => timeout_at(until, answered(cell)).await.ok(),
        None => Some(answered(cell).await),
    };
    guard.disarm();
    let answer = match answer {
        Some(answer) => answer,
        None => give_up(link, cell, begun).await?,
    };
    settle(link, cell, answer)
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
fn settle(link: &Link, cell: &Arc<Cell>, answer: Answer) -> Result<Option<Payload>, StartError> {
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
