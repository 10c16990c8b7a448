//! What the handles of a task, the network loop and the delivery of callbacks share.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use selsyn_common::{
    ExecutionId, Failure, FailureKind, LogLine, Outcome, Output, OutputContent, Payload, Progress,
    Ran, Refusal, StatusChange, TaskStatus,
};
use tokio::sync::Notify;
use tracing::{debug, warn};

use crate::callbacks::Callback;
use crate::connection::link::Link;
use crate::delivery::{self, Mailbox};
use crate::events::{Broadcast, TaskEvent};

/// How a start was answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// The slave took it; what its hook replied.
    Accepted(Option<Payload>),
    /// The slave did not.
    Refused(Box<Refusal>),
    /// The slave promised that it never runs.
    Forbidden,
    /// The data is larger than the slave takes.
    TooLarge(usize),
    /// The connection failed or was closed before anything was sent.
    NotSent,
    /// The start was sent, and contact was lost before it was answered.
    Lost,
    /// The connection carries as many tasks as it may.
    TooManyInFlight,
}

/// One started task.
pub(crate) struct Cell {
    pub(crate) id: ExecutionId,
    /// The function it names; empty for the slave's default one.
    pub(crate) function: String,
    pub(crate) data: Payload,
    pub(crate) sent: OnceLock<Payload>,
    pub(crate) link: Arc<Link>,
    state: Mutex<State>,
    changed: Notify,
}

/// What changes during a task's life.
pub(crate) struct State {
    pub(crate) status: TaskStatus,
    pub(crate) answer: Option<Answer>,
    pub(crate) outcome: Option<Outcome>,
    /// The callbacks have returned: `join()` may.
    pub(crate) delivered: bool,
    /// `start()` has returned a running task: whoever holds it wants to hear of its end.
    pub(crate) handed_out: bool,
    is_running: bool,
    shown: u64,
    /// Messages of hooks and callbacks that panicked before there was an outcome.
    panics: Vec<String>,
    events: Option<Broadcast>,
    pub(crate) mailbox: Mailbox,
}

impl Cell {
    pub(crate) fn new(id: ExecutionId, data: Payload, link: Arc<Link>, mailbox: Mailbox) -> Self {
        let state = State {
            status: TaskStatus::Starting,
            answer: None,
            outcome: None,
            delivered: false,
            handed_out: false,
            is_running: false,
            shown: 0,
            panics: Vec::new(),
            events: None,
            mailbox,
        };
        let (sent, changed) = (OnceLock::new(), Notify::new());
        let function = String::new();
        Self { id, function, data, sent, link, state: Mutex::new(state), changed }
    }

    /// Names the function.
    pub(crate) fn of_function(mut self, name: &str) -> Self {
        name.clone_into(&mut self.function);
        self
    }

    /// The data as it went to the slave: what the before_start hook made of it.
    pub(crate) fn sent_data(&self) -> &Payload {
        self.sent.get().unwrap_or(&self.data)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // No user code runs under this lock, and no step leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `look` finds something.
    pub(crate) async fn until<T>(&self, look: impl Fn(&State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = look(&self.state()) {
                return found;
            }
            changed.await;
        }
    }

    /// The slave has accepted the task.
    pub(crate) fn accepted(&self, reply: Option<Payload>) {
        let mut state = self.state();
        if state.change(self.id, StatusChange::Accept) {
            state.answer = Some(Answer::Accepted(reply));
            state.publish(TaskEvent::Accepted);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The task never ran and never will; false when it was known to be started.
    pub(crate) fn not_started(self: &Arc<Self>, answer: Answer) -> bool {
        let mut state = self.state();
        if !state.change(self.id, StatusChange::FailStart) {
            return false;
        }
        let outcome = not_started(&answer);
        state.answer = Some(answer);
        self.end(state, outcome);
        true
    }

    /// The start failed on this side, before or after it was answered.
    pub(crate) fn start_failed(self: &Arc<Self>, message: String) {
        let mut state = self.state();
        if state.status.is_final() || !state.change(self.id, StatusChange::FailStart) {
            return;
        }
        let failure = Failure::of(FailureKind::Refused, message, Ran::No);
        self.end(state, Outcome::failed(TaskStatus::StartFailed, failure));
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
        let mut state = self.state();
        state.is_running = true;
        state.publish(TaskEvent::Running);
    }

    /// The function shows something.
    pub(crate) fn shows(self: &Arc<Self>, output: Output) {
        let mut state = self.state();
        state.shown = state.shown.max(output.seq);
        state.publish_output(&output);
        let begins = state.mailbox.push_output(output.content);
        drop(state);
        if begins {
            delivery::work(self);
        }
    }

    /// The task has its verdict. A second one is ignored.
    pub(crate) fn ended(self: &Arc<Self>, outcome: Outcome) {
        let mut state = self.state();
        if !state.change(self.id, StatusChange::End(outcome.status)) {
            return;
        }
        // A verdict may overtake the acceptance; it says that there was one. Not so a loss.
        state.answer.get_or_insert(match outcome.status {
            TaskStatus::Lost => Answer::Lost,
            _ => Answer::Accepted(None),
        });
        self.end(state, outcome);
    }

    fn end(self: &Arc<Self>, mut state: MutexGuard<'_, State>, mut outcome: Outcome) {
        outcome.callback_panics.append(&mut state.panics);
        debug!(task.id = %self.id, status = %outcome.status, "ended");
        let wants_callbacks = state.handed_out || outcome.status.is_verdict();
        state.publish(TaskEvent::Ended(Box::new(outcome.clone())));
        state.events = None;
        state.outcome = Some(outcome);
        let begins = wants_callbacks && state.mailbox.push_verdict();
        let is_delivered = !begins && !state.mailbox.is_working();
        state.delivered |= is_delivered;
        drop(state);
        if begins {
            delivery::work(self);
        }
        if is_delivered {
            return self.delivered();
        }
        self.changed.notify_waiters();
    }

    /// The callbacks have returned: the slave may forget, and joins may return.
    pub(crate) fn delivered(&self) {
        // What never ran has no result to take.
        if self.state().status.is_verdict() {
            self.link.result_taken(self.id);
        }
        self.changed.notify_waiters();
    }

    /// Lets joins look again.
    pub(crate) fn wake_joins(&self) {
        self.changed.notify_waiters();
    }

    /// Adds a callback for the end; one that comes late runs at once. A start that failed before
    /// it was handed out has no end: that is what `on_start_error` is for.
    pub(crate) fn add_callback(self: &Arc<Self>, callback: Callback) {
        let mut state = self.state();
        if state.status == TaskStatus::StartFailed && !state.handed_out {
            return;
        }
        let has_ended = state.outcome.is_some();
        let begins = state.mailbox.push_callback(callback, has_ended);
        drop(state);
        if begins {
            delivery::work(self);
        }
    }

    /// Records the panic of a hook.
    pub(crate) fn hook_panicked(&self, message: String) {
        warn!(task.id = %self.id, "a hook panicked: {message}");
        self.panicked(message);
    }

    /// Records the panic of a hook or callback: in the outcome, at the latest when there is one.
    pub(crate) fn panicked(&self, message: String) {
        let mut state = self.state();
        match &mut state.outcome {
            Some(outcome) => outcome.callback_panics.push(message),
            None => state.panics.push(message),
        }
    }

    pub(crate) fn on_progress(&self, f: impl FnMut(&Progress) + Send + 'static) {
        self.state().mailbox.on_progress(f);
    }

    pub(crate) fn on_log(&self, f: impl FnMut(&LogLine) + Send + 'static) {
        self.state().mailbox.on_log(f);
    }

    /// A receiver of events, beginning with those that say where the task stands now.
    pub(crate) fn subscribe(&self) -> crate::events::Events {
        let mut state = self.state();
        let mut past = Vec::new();
        if state.status == TaskStatus::Started {
            past.push(TaskEvent::Accepted);
        }
        if state.is_running && !state.status.is_final() {
            past.push(TaskEvent::Running);
        }
        if let Some(outcome) = &state.outcome {
            past.push(TaskEvent::Ended(Box::new(outcome.clone())));
            return crate::events::Events::ended(past);
        }
        let shown = state.shown;
        state.events.get_or_insert_with(Broadcast::default).subscribe(past, shown)
    }
}

impl State {
    /// Takes a step of the status machine; a step that it does not have is logged and ignored.
    fn change(&mut self, id: ExecutionId, change: StatusChange) -> bool {
        match self.status.after(change) {
            Ok(status) => {
                self.status = status;
                true
            }
            Err(illegal) => {
                warn!(task.id = %id, %illegal, "ignored");
                false
            }
        }
    }

    fn publish(&self, event: TaskEvent) {
        if let Some(events) = &self.events {
            events.publish((0, event));
        }
    }

    fn publish_output(&self, output: &Output) {
        let Some(events) = &self.events else { return };
        let event = match output.content.clone() {
            OutputContent::Progress(progress) => TaskEvent::Progress(progress),
            OutputContent::Log(line) => TaskEvent::Log(line),
            // An output of a kind that this version does not know: the next one shows the hole.
            _ => return,
        };
        events.publish((output.seq, event));
    }
}

/// The outcome of a task that never ran, for those who hold it as a running task.
fn not_started(answer: &Answer) -> Outcome {
    let (message, data) = match answer {
        Answer::Refused(refusal) => (refusal.message.clone(), refusal.data.clone()),
        Answer::Forbidden => ("the start was cancelled, and never runs".to_owned(), None),
        Answer::TooLarge(limit) => (format!("the data is larger than {limit} bytes"), None),
        Answer::NotSent | Answer::Lost | Answer::TooManyInFlight | Answer::Accepted(_) => {
            ("the start was not sent".to_owned(), None)
        }
    };
    let mut failure = Failure { data, ..Failure::of(FailureKind::Refused, message, Ran::No) };
    if let Answer::Refused(refusal) = answer {
        failure.push_trace(format!("{} ({})", refusal.reason.meaning(), refusal.code));
    }
    Outcome::failed(TaskStatus::StartFailed, failure)
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cell").field("id", &self.id).finish_non_exhaustive()
    }
}
