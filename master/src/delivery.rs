//! Runs a task's callbacks, in order, away from the network loop, each panic contained.
//!
//! Each task has a mailbox. Whoever puts the first item in spawns a worker, which empties it and
//! ends: what the function shows goes to `on_output`, `on_progress` and `on_log`, then the verdict
//! to the callbacks in the order they were chained, then callbacks that came late. Sync callbacks
//! run on a thread that may block, so that one that blocks holds back its own task and nothing else.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use futures_util::FutureExt;
use selsyn_common::{LogLine, Outcome, Output, OutputContent, Picture, Progress};
use tracing::warn;

use crate::callback_threads;
use crate::callbacks::Callback;
use crate::cell::{Aftermath, Cell, SharedCell};

/// Outputs that may wait for a slow `on_output`, `on_log` or `on_progress`; beyond it the oldest
/// are dropped.
const MAX_OUTPUTS: usize = 1_024;

/// And about as many bytes: as a [`Picture`] has.
const MAX_OUTPUT_BYTES: usize = Picture::MAX_BYTES;

type Watcher = Box<dyn FnMut(&OutputContent) + Send>;

/// What waits for the worker.
enum Item {
    Output(OutputContent),
    Verdict,
    Late(Callback),
}

/// The callbacks of one task, and what waits to be told to them.
#[derive(Default)]
pub(crate) struct Mailbox {
    callbacks: Vec<Callback>,
    watchers: Vec<Watcher>,
    watched: bool,
    /// What was shown so far, where that is kept.
    picture: Option<Box<Picture>>,
    items: VecDeque<Item>,
    outputs: usize,
    output_bytes: usize,
    working: bool,
}

impl Mailbox {
    pub(crate) fn on_progress(&mut self, mut f: impl FnMut(&Progress) + Send + 'static) {
        self.watch(move |shown| {
            if let OutputContent::Progress(progress) = shown {
                f(progress);
            }
        });
    }

    pub(crate) fn on_log(&mut self, mut f: impl FnMut(&LogLine) + Send + 'static) {
        self.watch(move |shown| {
            if let OutputContent::Log(line) = shown {
                f(line);
            }
        });
    }

    pub(crate) fn on_output(&mut self, f: impl FnMut(&OutputContent) + Send + 'static) {
        self.watch(f);
    }

    fn watch(&mut self, f: impl FnMut(&OutputContent) + Send + 'static) {
        self.watched = true;
        self.watchers.push(Box::new(f));
    }

    /// Adds a callback, or an item for it when the task has ended; true to spawn a worker.
    pub(crate) fn push_callback(&mut self, callback: Callback, has_ended: bool) -> bool {
        if !has_ended {
            self.callbacks.push(callback);
            return false;
        }
        self.items.push_back(Item::Late(callback));
        self.begin()
    }

    /// Keeps what is shown from now on.
    pub(crate) fn keep_picture(&mut self) {
        self.picture.get_or_insert_default();
    }

    pub(crate) fn picture(&self) -> Option<&Picture> {
        self.picture.as_deref()
    }

    /// Whether anybody wants to see what the function shows.
    pub(crate) const fn is_watched(&self) -> bool {
        self.watched || self.picture.is_some()
    }

    /// Adds what the function shows, if anybody watches; true to spawn a worker.
    pub(crate) fn push_output(&mut self, output: Output) -> bool {
        if let Some(picture) = &mut self.picture {
            // At once: it misses nothing for a slow callback.
            picture.apply(output.clone());
        }
        if !self.watched {
            return false;
        }
        self.outputs += 1;
        self.output_bytes += output.content.weight();
        self.items.push_back(Item::Output(output.content));
        while self.outputs > MAX_OUTPUTS || self.output_bytes > MAX_OUTPUT_BYTES {
            self.drop_oldest();
        }
        self.begin()
    }

    /// The front is the oldest output: a verdict or late callback comes behind all outputs.
    fn drop_oldest(&mut self) {
        let Some(Item::Output(oldest)) = self.items.pop_front() else {
            unreachable!("what is counted waits at the front")
        };
        self.outputs -= 1;
        self.output_bytes -= oldest.weight();
    }

    /// Adds the verdict, if there is anybody to tell; true to spawn a worker.
    pub(crate) fn push_verdict(&mut self) -> bool {
        if self.callbacks.is_empty() && !self.working {
            return false;
        }
        self.items.push_back(Item::Verdict);
        self.begin()
    }

    /// Keeps callbacks from running until somebody calls [`work`].
    pub(crate) fn hold(&mut self) {
        self.working = true;
    }

    pub(crate) fn is_working(&self) -> bool {
        self.working
    }

    fn begin(&mut self) -> bool {
        !std::mem::replace(&mut self.working, true)
    }

    /// Takes the outputs at the front together, else one item.
    fn take(&mut self) -> Option<Work> {
        let mut outputs = Vec::new();
        while let Some(Item::Output(_)) = self.items.front() {
            let Some(Item::Output(shown)) = self.items.pop_front() else {
                break;
            };
            outputs.push(shown);
        }
        (self.outputs, self.output_bytes) = (0, 0);
        if !outputs.is_empty() {
            return Some(Work::Outputs(std::mem::take(&mut self.watchers), outputs));
        }
        match self.items.pop_front()? {
            Item::Verdict => Some(Work::Verdict(std::mem::take(&mut self.callbacks))),
            Item::Late(callback) => Some(Work::Late(callback)),
            Item::Output(_) => unreachable!("outputs at the front were taken above"),
        }
    }
}

enum Work {
    Outputs(Vec<Watcher>, Vec<OutputContent>),
    Verdict(Vec<Callback>),
    Late(Callback),
}

/// Spawns the worker of a mailbox that was empty, or was held.
pub(crate) fn work(cell: &SharedCell) {
    let cell = SharedCell::clone(cell);
    let unfinished = DeliverOnDrop(SharedCell::clone(&cell));
    cell.link().clone().spawn(async move {
        let _unfinished = unfinished;
        while let Some(work) = next(&cell) {
            let panics = match work {
                Work::Outputs(watchers, outputs) => show(&cell, watchers, outputs).await,
                Work::Verdict(callbacks) => tell_all(&cell, callbacks).await,
                Work::Late(callback) => tell_all(&cell, vec![callback]).await,
            };
            record(&cell, panics);
        }
    });
}

/// Lets joins return when the worker is dropped in the middle, at the end of its runtime.
struct DeliverOnDrop(SharedCell);

impl Drop for DeliverOnDrop {
    fn drop(&mut self) {
        self.0.cut_short();
    }
}

/// The next piece of work; when there is none, the worker ends under the same lock.
fn next(cell: &Cell) -> Option<Work> {
    let mut after = Aftermath::default();
    let mut state = cell.state();
    let mailbox = state.mailbox();
    let work = mailbox.take();
    mailbox.working = work.is_some();
    if work.is_none() && state.end.is_some() && !state.delivered {
        // The last callback has returned: what was waiting for it may go on.
        cell.delivered(&mut state, &mut after);
    }
    drop(state);
    after.deal_with(cell.link());
    work
}

fn record(cell: &Cell, panics: Vec<String>) {
    for message in panics {
        warn!(task.id = %cell.id, "a callback panicked: {message}");
        cell.panicked(message);
    }
}

/// Tells `on_output`, `on_progress` and `on_log` what was shown.
async fn show(cell: &Cell, mut watchers: Vec<Watcher>, outputs: Vec<OutputContent>) -> Vec<String> {
    let told = callback_threads::run(move || {
        let mut panics = Vec::new();
        for shown in &outputs {
            for watcher in &mut watchers {
                let told = catch_unwind(AssertUnwindSafe(|| watcher(shown)));
                panics.extend(told.err().map(|panic| panic_message(panic.as_ref())));
            }
        }
        (watchers, panics)
    });
    let Some((watchers, panics)) = told.await else {
        return Vec::new();
    };
    let mut state = cell.state();
    // Watchers that were added meanwhile come after those that were there before.
    let mailbox = state.mailbox();
    let added = std::mem::replace(&mut mailbox.watchers, watchers);
    mailbox.watchers.extend(added);
    panics
}

/// Runs the callbacks that the verdict calls for.
async fn tell_all(cell: &SharedCell, callbacks: Vec<Callback>) -> Vec<String> {
    let mut panics = Vec::new();
    let outcome = cell.state().end.outcome(cell.id);
    let Some(outcome) = outcome else {
        return panics;
    };
    for callback in callbacks {
        panics.extend(tell(cell, callback, &outcome).await);
    }
    panics
}

/// Runs one callback if the verdict calls for it; gives the message of its panic.
async fn tell(cell: &SharedCell, callback: Callback, outcome: &Outcome) -> Option<String> {
    let data = cell.data.clone();
    match (callback, &outcome.result) {
        (Callback::Complete(f), Ok(value)) => {
            let value = value.clone();
            callback_threads::run(move || caught(|| f(&data, &value))).await?
        }
        (Callback::Fail(f), Err(failure)) => {
            let failure = failure.clone();
            callback_threads::run(move || caught(|| f(&data, &failure))).await?
        }
        (Callback::CompleteAsync(f), Ok(value)) => {
            let value = value.clone();
            caught_async(async move { f(data, value).await }).await
        }
        (Callback::FailAsync(f), Err(failure)) => {
            let failure = failure.clone();
            caught_async(async move { f(data, failure).await }).await
        }
        (Callback::Complete(_) | Callback::CompleteAsync(_), Err(_))
        | (Callback::Fail(_) | Callback::FailAsync(_), Ok(_)) => None,
    }
}

pub(crate) fn caught(f: impl FnOnce()) -> Option<String> {
    let panic = catch_unwind(AssertUnwindSafe(f)).err()?;
    Some(panic_message(panic.as_ref()))
}

pub(crate) async fn caught_async(f: impl Future<Output = ()>) -> Option<String> {
    let panic = AssertUnwindSafe(f).catch_unwind().await.err()?;
    Some(panic_message(panic.as_ref()))
}

/// The message of a caught panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use selsyn_common::{LogLevel, Plot, Trace};

    use super::*;

    fn waiting(mailbox: &mut Mailbox) -> Vec<OutputContent> {
        match mailbox.take() {
            Some(Work::Outputs(_, outputs)) => outputs,
            _ => Vec::new(),
        }
    }

    fn show(mailbox: &mut Mailbox, contents: impl IntoIterator<Item = OutputContent>) {
        for (seq, content) in (1..).zip(contents) {
            mailbox.push_output(Output { seq, content });
        }
    }

    #[test]
    fn what_waits_for_a_slow_callback_is_bounded_by_number_and_by_bytes() {
        let mut mailbox = Mailbox::default();
        mailbox.on_output(|_| {});
        let lines = (0..MAX_OUTPUTS + 5).map(|at| LogLine::new(LogLevel::Info, at).into());
        show(&mut mailbox, lines);
        let first = OutputContent::from(LogLine::new(LogLevel::Info, 5));
        let outputs = waiting(&mut mailbox);
        assert_eq!((outputs.len(), outputs.first()), (MAX_OUTPUTS, Some(&first)));

        let plot = OutputContent::from(Plot::new().trace(Trace::new().y(vec![1; 100_000])));
        let room = MAX_OUTPUT_BYTES / plot.weight();
        show(&mut mailbox, vec![plot; room + 3]);
        assert_eq!(waiting(&mut mailbox).len(), room);
        assert_eq!((mailbox.outputs, mailbox.output_bytes), (0, 0));
    }
}
