//! What the handles of a task, the network loop and the delivery of callbacks share.

mod aftermath;
mod answer;
mod end;
mod function_name;
pub(crate) mod spare;
mod state;
mod until;
mod waiters;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use selsyn_common::proto;
use selsyn_common::{
    ExecutionId, Failure, FailureKind, IllegalChange, LogLine, Outcome, Output, OutputContent,
    Parts, Payload, Picture, Progress, Ran, StatusChange, TaskId, TaskStatus,
};
use tracing::{debug, warn};
use triomphe::UniqueArc;

use crate::callbacks::Callback;
use crate::connection::link::Link;
use crate::delivery;
use crate::events::Events;

pub(crate) use aftermath::Aftermath;
pub(crate) use answer::Answer;
pub(crate) use end::{Completed, End};
pub(crate) use function_name::FunctionName;
pub(crate) use state::{Locked, State};
use until::Until;
pub(crate) use until::Waiting;
pub(crate) use waiters::{Ticket, Waiters};

/// A task that several have: without weak references, which would cost each task two atomic steps
/// more.
pub(crate) type SharedCell = triomphe::Arc<Cell>;

/// One task, from `new_task` to its end.
pub(crate) struct Cell {
    pub(crate) id: ExecutionId,
    /// The function it names; empty for the slave's default one.
    pub(crate) function: FunctionName,
    pub(crate) data: Payload,
    /// What the before_start hook made of the data.
    changed: OnceLock<Box<Payload>>,
    /// `None` while it is spare.
    link: Option<Arc<Link>>,
    /// It has completed, and `join()` may return: set under the lock of the state, and never taken
    /// back. For those who need not know more, as a lock costs more than a look.
    has_completed: AtomicBool,
    state: Mutex<State>,
}

impl Cell {
    /// A task that names no function yet, and that nobody else has.
    #[inline]
    pub(crate) fn new(id: ExecutionId, data: Payload, link: Arc<Link>) -> UniqueArc<Self> {
        let mut cell = spare::take();
        (cell.id, cell.data, cell.link) = (id, data, Some(link));
        cell
    }

    /// Nobody's task.
    fn blank() -> Self {
        Self {
            id: ExecutionId::first(TaskId::from_halves(0, 0)),
            function: FunctionName::DEFAULT,
            data: Payload::null(),
            changed: OnceLock::new(),
            link: None,
            has_completed: AtomicBool::new(false),
            state: Mutex::new(State::new()),
        }
    }

    /// Is nobody's task any more.
    fn clear(&mut self) {
        self.function = FunctionName::DEFAULT;
        self.data = Payload::null();
        self.changed = OnceLock::new();
        self.link = None;
        *self.has_completed.get_mut() = false;
        self.state_mut().clear();
    }

    /// The connection that it is for.
    #[inline]
    pub(crate) fn link(&self) -> &Arc<Link> {
        self.link.as_ref().expect("a task has its connection")
    }

    /// What changes, while nobody else has the task.
    #[inline]
    pub(crate) fn state_mut(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// The before_start hook has changed the data.
    pub(crate) fn changed(&self, data: Payload) {
        self.changed.get_or_init(|| Box::new(data));
    }

    /// The data as it went to the slave: what the before_start hook made of it.
    pub(crate) fn sent_data(&self) -> &Payload {
        self.changed.get().map_or(&self.data, |changed| changed)
    }

    pub(crate) fn state(&self) -> Locked<'_> {
        // No user code runs under this lock, and no step leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `look` finds something.
    pub(crate) fn until<T, F>(&self, look: F) -> Until<'_, F>
    where
        F: FnMut(&mut State) -> Option<T> + Unpin,
    {
        Until::new(self.waiting(), look)
    }

    /// One more who waits for a change.
    pub(crate) const fn waiting(&self) -> Waiting<'_> {
        Waiting::new(self)
    }

    /// The slave has accepted the task.
    pub(crate) fn accepted(&self, reply: Option<Payload>, after: &mut Aftermath) {
        let mut state = self.state();
        if let Err(illegal) = state.change(StatusChange::Accept) {
            return self.ignored(state, &illegal);
        }
        state.accepted(Answer::Accepted(reply.map(Box::new)));
        state.waiters.take(&mut after.woken);
    }

    /// Tells of a step that there is none of. Not under the lock: whoever listens may ask for the task.
    fn ignored(&self, state: Locked<'_>, illegal: &IllegalChange) {
        drop(state);
        warn!(task.id = %self.id, %illegal, "ignored");
    }

    /// The patience with a start is over.
    pub(crate) fn overdue(&self, after: &mut Aftermath) {
        let mut state = self.state();
        state.overdue = true;
        state.waiters.take(&mut after.woken);
    }

    /// The task never ran and never will; false when it was known to be started.
    pub(crate) fn not_started(cell: &SharedCell, answer: Answer, after: &mut Aftermath) -> bool {
        let mut state = cell.state();
        if let Err(illegal) = state.change(StatusChange::FailStart) {
            cell.ignored(state, &illegal);
            return false;
        }
        let end = answer.outcome().into();
        state.answer = Some(answer);
        Self::end(cell, state, end, after);
        true
    }

    /// The start failed on this side, before or after it was answered.
    pub(crate) fn start_failed(cell: &SharedCell, message: String) {
        let mut state = cell.state();
        if state.status.is_final() {
            return;
        }
        if let Err(illegal) = state.change(StatusChange::FailStart) {
            return cell.ignored(state, &illegal);
        }
        let failure = Failure::of(FailureKind::Refused, message, Ran::No);
        let mut after = Aftermath::default();
        let end = Outcome::failed(TaskStatus::StartFailed, failure).into();
        Self::end(cell, state, end, &mut after);
        after.deal_with(cell.link());
    }

    /// Gives up waiting for the answer to the start, unless it has come by now. Whoever is handed
    /// the task then wants to hear of its end.
    pub(crate) fn give_up_waiting(&self) -> Option<Answer> {
        let mut state = self.state();
        state.handed_out = state.answer.is_none();
        state.answer.clone()
    }

    /// User code has begun.
    pub(crate) fn running(&self) {
        self.state().running();
    }

    /// The function shows something: read only where somebody wants to see it.
    ///
    /// One that cannot be read, as of a kind that this version does not know, is missing to whoever
    /// watches; it is no reason to end the stream, and with it everybody's tasks.
    pub(crate) fn shows(cell: &SharedCell, output: proto::Output) {
        if !cell.state().is_watched() {
            return cell.state().passed(output.seq);
        }
        // Not under the lock: a plot may be large.
        let output = match Output::try_from(output) {
            Ok(output) => output,
            Err(error) => return warn!(task.id = %cell.id, "an output is left out: {error}"),
        };
        let mut state = cell.state();
        state.shows(&output);
        let begins = state.mailbox().push_output(output);
        drop(state);
        if begins {
            delivery::work(cell);
        }
    }

    /// The task has its verdict. A second one is ignored.
    pub(crate) fn ended(cell: &SharedCell, end: End, after: &mut Aftermath) {
        let mut state = cell.state();
        if let Err(illegal) = state.change(StatusChange::End(end.status())) {
            return cell.ignored(state, &illegal);
        }
        state.imply(&end);
        Self::end(cell, state, end, after);
    }

    /// As [`Self::ended`], for a task that completed: most do.
    #[inline(always)]
    pub(crate) fn completed(cell: &SharedCell, end: Completed, after: &mut Aftermath) {
        let mut state = cell.state();
        if !state.is_quiet() {
            drop(state);
            return Self::ended(cell, End::Completed(end), after);
        }
        after.take(cell.id, end.value.len());
        state.complete(end);
        cell.has_completed.store(true, Ordering::Release);
        state.waiters.take(&mut after.woken);
        drop(state);
        debug!(task.id = %cell.id, "completed");
    }

    /// Whether it has completed with nobody to tell of it but those who waited: they were taken
    /// out with it, and whoever starts it need not say that the task was handed out.
    #[inline]
    pub(crate) fn has_completed(&self) -> bool {
        self.has_completed.load(Ordering::Acquire)
    }

    fn end(cell: &SharedCell, mut state: Locked<'_>, end: End, after: &mut Aftermath) {
        let status = end.status();
        let wants_callbacks = state.handed_out || status.is_verdict();
        state.end(cell.id, end);
        let (mut begins, mut is_working) = (false, false);
        if let Some(rare) = &mut state.rare {
            begins = wants_callbacks && rare.mailbox.push_verdict();
            is_working = rare.mailbox.is_working();
        }
        if begins {
            after.begun.push(SharedCell::clone(cell));
        }
        if is_working {
            // Whoever waits for the answer may go on; joins wait for the callbacks.
            state.waiters.take(&mut after.woken);
        } else {
            cell.delivered(&mut state, after);
        }
        drop(state);
        debug!(task.id = %cell.id, %status, "ended");
    }

    /// The callbacks have returned: the slave may forget, and joins may return.
    pub(crate) fn delivered(&self, state: &mut State, after: &mut Aftermath) {
        state.delivered = true;
        // What never ran has no result to take.
        if state.status.is_verdict() {
            after.take(self.id, state.end.bytes());
        }
        state.waiters.take(&mut after.woken);
    }

    /// Nobody will run the callbacks: joins may return all the same.
    pub(crate) fn cut_short(&self) {
        let mut after = Aftermath::default();
        let mut state = self.state();
        if state.end.is_some() && !state.delivered && state.mailbox().is_working() {
            state.delivered = true;
            state.waiters.take(&mut after.woken);
        }
        drop(state);
        after.deal_with(self.link());
    }

    /// Adds a callback for the end; one that comes late runs at once. A start that failed before
    /// it was handed out has no end: that is what `on_start_error` is for.
    pub(crate) fn add_callback(cell: &SharedCell, callback: Callback) {
        let mut state = cell.state();
        if state.status == TaskStatus::StartFailed && !state.handed_out {
            return;
        }
        let has_ended = state.end.is_some();
        let begins = state.mailbox().push_callback(callback, has_ended);
        drop(state);
        if begins {
            delivery::work(cell);
        }
    }

    /// Records the panic of a hook.
    pub(crate) fn hook_panicked(&self, message: String) {
        warn!(task.id = %self.id, "a hook panicked: {message}");
        self.panicked(message);
    }

    /// Records the panic of a hook or callback: in the outcome, at the latest when there is one.
    pub(crate) fn panicked(&self, message: String) {
        self.state().panicked(self.id, message);
    }

    pub(crate) fn on_progress(&self, f: impl FnMut(&Progress) + Send + 'static) {
        self.state().mailbox().on_progress(f);
    }

    pub(crate) fn on_log(&self, f: impl FnMut(&LogLine) + Send + 'static) {
        self.state().mailbox().on_log(f);
    }

    pub(crate) fn on_output(&self, f: impl FnMut(&OutputContent) + Send + 'static) {
        self.state().mailbox().on_output(f);
    }

    pub(crate) fn keep_picture(&self) {
        self.state().mailbox().keep_picture();
    }

    /// The parts in the picture, if one is kept.
    pub(crate) fn parts(&self) -> Option<Parts> {
        self.state().mailbox().picture().map(|picture| picture.parts().clone())
    }

    /// What was shown so far, if it is kept.
    pub(crate) fn picture(&self) -> Option<Picture> {
        self.state().mailbox().picture().cloned()
    }

    /// A receiver of events, beginning with what has happened so far.
    pub(crate) fn subscribe(&self) -> Events {
        self.state().subscribe(self.id)
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests;
