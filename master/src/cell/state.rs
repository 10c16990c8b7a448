//! What changes during a task's life; lean, as a program may have a million tasks.

use std::sync::MutexGuard;

use selsyn_common::{ExecutionId, IllegalChange, Output, StatusChange, TaskStatus};

use super::answer::Answer;
use super::end::{Completed, End};
use super::waiters::Waiters;
use crate::delivery::Mailbox;
use crate::events::{Broadcast, Events, TaskEvent};

/// What changes during a task's life.
pub(crate) struct State {
    pub(crate) status: TaskStatus,
    /// The callbacks have returned: `join()` may.
    pub(crate) delivered: bool,
    /// `start()` has returned a running task: whoever holds it wants to hear of its end.
    pub(crate) handed_out: bool,
    /// The start has no answer, and the patience with it is over.
    pub(super) overdue: bool,
    /// User code has begun.
    has_run: bool,
    pub(crate) answer: Option<Answer>,
    pub(crate) end: End,
    pub(crate) waiters: Waiters,
    /// `None` without callbacks, watchers, outputs and panics.
    pub(super) rare: Option<Box<Rare>>,
}

/// What few tasks have.
#[derive(Default)]
pub(super) struct Rare {
    /// Empty without callbacks.
    pub(super) mailbox: Mailbox,
    /// The last output.
    shown: u64,
    /// Messages of hooks and callbacks that panicked before there was an outcome.
    panics: Vec<String>,
    events: Option<Broadcast>,
}

pub(crate) type Locked<'a> = MutexGuard<'a, State>;

impl State {
    pub(super) fn new() -> Self {
        Self {
            status: TaskStatus::Starting,
            delivered: false,
            handed_out: false,
            overdue: false,
            has_run: false,
            answer: None,
            end: End::None,
            waiters: Waiters::default(),
            rare: None,
        }
    }

    /// Is as new.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.status = TaskStatus::Starting;
        self.answer = None;
        self.end = End::None;
        (self.delivered, self.handed_out, self.overdue, self.has_run) = <_>::default();
        self.waiters.clear();
        if self.rare.is_some() {
            self.rare = None;
        }
    }

    /// Takes a step of the status machine, if it has that step.
    pub(super) fn change(&mut self, change: StatusChange) -> Result<(), IllegalChange> {
        self.status = self.status.after(change)?;
        Ok(())
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> Option<()> {
        self.end.is_some().then_some(())
    }

    /// The answer to the start, once it is there. Whoever is told that it was accepted is handed
    /// the task.
    pub(crate) fn answered(&mut self) -> Option<Answer> {
        self.is_handed_out();
        self.answer.clone()
    }

    /// As [`Self::answered`], for as long as there is patience: without an answer when it is over.
    pub(crate) fn word(&mut self) -> Option<Option<Answer>> {
        let answer = self.answered();
        (answer.is_some() || self.overdue).then_some(answer)
    }

    /// Whether the start was accepted; whoever is told so is handed the task.
    #[inline]
    pub(crate) fn is_handed_out(&mut self) -> bool {
        let is_accepted = self.is_accepted();
        self.handed_out |= is_accepted;
        is_accepted
    }

    const fn is_accepted(&self) -> bool {
        matches!(self.answer, Some(Answer::Accepted(_)))
    }

    pub(crate) fn mailbox(&mut self) -> &mut Mailbox {
        &mut self.rare.get_or_insert_default().mailbox
    }

    pub(super) fn accepted(&mut self, answer: Answer) {
        self.answer = Some(answer);
        self.publish(|| TaskEvent::Accepted);
    }

    pub(super) fn running(&mut self) {
        if !std::mem::replace(&mut self.has_run, true) {
            self.publish(|| TaskEvent::Running);
        }
    }

    /// A verdict may come before the words that it implies: whoever watches hears all of them.
    pub(super) fn imply(&mut self, end: &End) {
        if self.answer.is_none() {
            match end.status() {
                // Not so a loss: it says nothing of the start.
                TaskStatus::Lost => self.answer = Some(Answer::Lost),
                _ => self.accepted(Answer::Accepted(None)),
            }
        }
        if end.has_run() && self.is_accepted() {
            self.running();
        }
    }

    /// Whether it has not ended, and nobody is told of its end but those who wait: most tasks.
    #[inline]
    pub(super) const fn is_quiet(&self) -> bool {
        !self.status.is_final() && self.rare.is_none()
    }

    /// Keeps the value of a task that [is quiet](Self::is_quiet), in one step: what
    /// [`Self::change`], [`Self::imply`] and [`Self::end`] come to for it.
    #[inline(always)]
    pub(super) fn complete(&mut self, end: Completed) {
        if self.answer.is_none() {
            self.answer = Some(Answer::Accepted(None));
        }
        (self.status, self.has_run, self.delivered) = (TaskStatus::Completed, true, true);
        self.end = End::Completed(end);
    }

    /// Keeps the end. Nothing happens to the task any more.
    pub(super) fn end(&mut self, id: ExecutionId, mut end: End) {
        if let Some(rare) = &mut self.rare {
            end.add_panics(id, &mut rare.panics);
        }
        self.end = end;
        self.publish(|| self.ended_event(id).expect("it has just ended"));
        if let Some(rare) = &mut self.rare {
            rare.events = None;
        }
    }

    fn ended_event(&self, id: ExecutionId) -> Option<TaskEvent> {
        self.end.outcome(id).map(|outcome| TaskEvent::Ended(Box::new(outcome)))
    }

    pub(super) fn panicked(&mut self, id: ExecutionId, message: String) {
        if self.end.is_some() {
            self.end.add_panics(id, &mut vec![message]);
        } else {
            self.rare.get_or_insert_default().panics.push(message);
        }
    }

    /// Whether anybody wants to see what the function shows.
    pub(super) fn is_watched(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| {
            let is_heard = rare.events.as_ref().is_some_and(Broadcast::is_heard);
            is_heard || rare.mailbox.is_watched()
        })
    }

    /// An output that nobody wanted to see: whoever watches from now on does not miss it.
    pub(super) fn passed(&mut self, seq: u64) {
        let rare = self.rare.get_or_insert_default();
        rare.shown = rare.shown.max(seq);
    }

    pub(super) fn shows(&mut self, output: &Output) {
        self.passed(output.seq);
        if let Some(events) = self.rare.as_ref().and_then(|rare| rare.events.as_ref()) {
            events.publish(|| (output.seq, TaskEvent::Output(output.clone())));
        }
    }

    /// A receiver of events, beginning with what has happened so far.
    pub(super) fn subscribe(&mut self, id: ExecutionId) -> Events {
        let mut past = Vec::new();
        if self.is_accepted() {
            past.push(TaskEvent::Accepted);
        }
        if self.has_run {
            past.push(TaskEvent::Running);
        }
        if let Some(ended) = self.ended_event(id) {
            past.push(ended);
            return Events::ended(past);
        }
        let rare = self.rare.get_or_insert_default();
        rare.events.get_or_insert_default().subscribe(past, rare.shown)
    }

    fn publish(&self, event: impl FnOnce() -> TaskEvent) {
        if let Some(events) = self.rare.as_ref().and_then(|rare| rare.events.as_ref()) {
            let event = event();
            events.publish(|| (0, event.clone()));
        }
    }
}
