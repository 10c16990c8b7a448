//! Takes a task from IDLE to STARTED, or says why not: a start is never a lie.

use std::time::Duration;

use selsyn_common::{FailedTask, Failure, FailureKind, Payload, Ran, TaskStatus};
use tokio::time::{Instant, timeout};

use super::{Rare, Stops, Task};
use crate::cell::{Answer, Cell, SharedCell, State};
use crate::dispatch::Terms;
use crate::error::{NotStarted, StartError};
use crate::hooks::{self, Accepted, OnStartError, StartHooks};
use crate::running::RunningTask;

/// Why a start is cancelled whose future is dropped.
pub(super) const DROPPED: &str = "the start was dropped";

/// Time for the slave to answer the cancel of a start that it did not answer. An answer settles
/// what became of it; without one nobody knows.
const CANCEL_PATIENCE: Duration = Duration::from_secs(1);

/// A start that failed, and whose hook has not been told.
pub(crate) struct Failed {
    pub(crate) error: StartError,
    cell: SharedCell,
    hooks: StartHooks,
}

/// Starts the task; a failure is not told to `on_start_error`, as another attempt may follow.
pub(crate) async fn attempt(mut task: Task) -> Result<RunningTask, Box<Failed>> {
    let hooks = task.take_hooks();
    let (cell, rare) = task.into_parts();
    if hooks.after.is_some() {
        // What comes after the start is told after its hook.
        cell.state().mailbox().hold();
    }
    let _held = hooks.after.is_some().then(|| LetGoOnDrop(SharedCell::clone(&cell)));
    match send_and_wait(&rare.unwrap_or_default(), &cell, &hooks).await {
        Ok(reply) => Ok(accepted(cell, &hooks, reply).await),
        Err(error) => Err(Box::new(Failed::new(error, cell, hooks))),
    }
}

/// Puts a start on its way that has no terms; gives when it began.
#[inline]
pub(super) fn send(cell: &SharedCell) -> Result<Instant, Answer> {
    cell.link().start(cell, None, None, cell.link().settings.start_deadline)
}

/// As [`send`], for a start that began at this moment and may have terms.
pub(super) fn send_on_terms(
    cell: &SharedCell,
    rare: &Rare,
    begun: Instant,
) -> Result<Instant, Answer> {
    let patience = rare.start_deadline.unwrap_or(cell.link().settings.start_deadline);
    cell.link().start(cell, Some(Box::new(rare.terms(begun))), Some(begun), patience)
}

impl Rare {
    #[cold]
    fn terms(&self, begun: Instant) -> Terms {
        // Too far away to be told apart from never.
        let deadline = self.deadline.and_then(|deadline| begun.checked_add(deadline));
        let deadline = deadline.into_iter().chain(self.bound).min();
        let (lineage, labels) = (self.lineage.clone(), self.labels.clone());
        Terms { deadline, placement: self.placement, lineage, labels }
    }
}

/// Tells the after_start hook; what it does cannot change what happened.
async fn accepted(
    cell: SharedCell,
    hooks: &StartHooks,
    reply: Option<Box<Payload>>,
) -> RunningTask {
    let reply = reply.map(|reply| *reply);
    let told = Accepted { task: cell.id.task, data: cell.sent_data().clone(), reply };
    if let Some(message) = hooks::tell(hooks.after.as_ref(), told).await {
        cell.hook_panicked(format!("after_start: {message}"));
    }
    RunningTask::new(cell)
}

/// Lets the callbacks go that were held, however the start ends.
struct LetGoOnDrop(SharedCell);

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
    let hooks = task.take_hooks();
    let reason = task.stops().reason();
    let (cell, _) = task.into_parts();
    let error = match reason {
        Some(reason) => stopped(&cell, reason),
        None => error(NotStarted { id: cell.id.task, data: cell.data.clone() }),
    };
    Failed::new(error, cell, hooks).tell()
}

impl Failed {
    /// An unknown start is not failed.
    pub(super) fn new(error: StartError, cell: SharedCell, hooks: StartHooks) -> Self {
        if !matches!(error, StartError::Unknown(_)) {
            Cell::start_failed(&cell, error.to_string());
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
    rare: &Rare,
    cell: &SharedCell,
    hooks: &StartHooks,
) -> Result<Option<Box<Payload>>, StartError> {
    let begun = Instant::now();
    if hooks.before.is_some() {
        let data = hooks::ask(hooks.before.as_ref(), cell.data.clone()).await;
        let task = || NotStarted { id: cell.id.task, data: cell.data.clone() };
        cell.changed(data.map_err(|said| StartError::Hook { task: task(), said })?);
    }
    let stops = &rare.stops;
    if let Some(reason) = stops.reason() {
        return Err(stopped(cell, reason));
    }
    if !rare.waits_for_connection && !cell.link().state().is_up() {
        return settle(stops, cell, Some(Answer::NotSent), begun).await;
    }
    if let Err(answer) = send_on_terms(cell, rare, begun) {
        return settle(stops, cell, Some(answer), begun).await;
    }
    stops.watch(cell);
    let guard = CancelOnDrop(Some(cell));
    let answer = cell.until(State::word).await;
    guard.disarm();
    settle(stops, cell, answer, begun).await
}

fn stopped(cell: &Cell, reason: String) -> StartError {
    let source = FailedTask {
        connection: cell.link().name.as_str().into(),
        task: cell.id.task,
        function: cell.function.as_str().into(),
        status: TaskStatus::StartFailed,
        failure: Box::new(Failure::of(FailureKind::Aborted, reason, Ran::No)),
    };
    StartError::Stopped { task: NotStarted { id: cell.id.task, data: cell.data.clone() }, source }
}

/// The start deadline is over. A start that was not sent is taken back; one that was is
/// cancelled, and if even that is not answered, nobody knows.
async fn give_up(cell: &SharedCell, begun: Instant) -> Result<Answer, StartError> {
    let link = cell.link();
    if link.cancel(cell.id, "the start was not answered in time") {
        let task = NotStarted { id: cell.id.task, data: cell.data.clone() };
        let (connection, waited) = (link.name.clone(), begun.elapsed());
        let source = link.last_dial().map(Box::new);
        return Err(StartError::Deadline { task, connection, waited, source });
    }
    let answered = cell.until(State::answered);
    if let Ok(answer) = timeout(CANCEL_PATIENCE, answered).await {
        return Ok(answer);
    }
    let unknown = || StartError::Unknown(RunningTask::new(SharedCell::clone(cell)));
    cell.give_up_waiting().ok_or_else(unknown)
}

/// What an answer, or none in time, means for whoever called `start()`.
pub(super) async fn settle(
    stops: &Stops,
    cell: &SharedCell,
    answer: Option<Answer>,
    begun: Instant,
) -> Result<Option<Box<Payload>>, StartError> {
    let link = cell.link();
    let answer = match answer {
        Some(answer) => answer,
        None => give_up(cell, begun).await?,
    };
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
        Answer::Lost => Err(StartError::Unknown(RunningTask::new(SharedCell::clone(cell)))),
        Answer::NotSent => match link.why_given_up().map(Box::new) {
            Some(source) => Err(StartError::NotConnected { task, connection, source }),
            None => Err(StartError::Closed { task, connection }),
        },
    }
}

/// Cancels a start whose future is dropped before it was answered.
struct CancelOnDrop<'a>(Option<&'a SharedCell>);

impl CancelOnDrop<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(cell) = self.0 {
            cell.link().cancel(cell.id, DROPPED);
        }
    }
}
