//! What happens to a task, as a stream for whoever wants to watch.

mod queue;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use selsyn_common::{Outcome, Output};
use tokio_stream::{Stream, StreamExt};

use queue::Queue;

/// Something that happened to a task.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TaskEvent {
    /// The slave has accepted it.
    Accepted,
    /// User code has begun.
    Running,
    /// The function shows something: progress, a line of its log, a plot and so on.
    Output(Output),
    /// So many outputs were dropped before the next one, as a reader was too slow.
    Missed(u64),
    /// How it ended; the last event.
    Ended(Box<Outcome>),
}

/// The events of one task until its end: whenever they are asked for, they begin with
/// [`TaskEvent::Accepted`] and [`TaskEvent::Running`], if it was and if it ran; outputs come from
/// the moment on at which they are asked for.
///
/// A [`Stream`] of [`TaskEvent`]. Made by [`RunningTask::events`](crate::RunningTask::events).
pub struct Events {
    ready: VecDeque<TaskEvent>,
    coming: Option<Arc<Queue>>,
    /// The last output that was given or counted.
    shown: u64,
}

/// An event, with its place in the execution's log if it is an output, else 0.
pub(crate) type Numbered = (u64, TaskEvent);

impl Events {
    pub(crate) fn ended(past: Vec<TaskEvent>) -> Self {
        Self { ready: past.into(), coming: None, shown: 0 }
    }

    /// The next event; `None` after [`TaskEvent::Ended`].
    ///
    /// # Cancel safety
    ///
    /// Safe to drop: no event is lost.
    pub async fn next(&mut self) -> Option<TaskEvent> {
        StreamExt::next(self).await
    }
}

impl Events {
    /// Puts an event in line, behind the count of the outputs that are missing before it.
    fn line_up(&mut self, (seq, event): Numbered) {
        let missed = seq.saturating_sub(self.shown.saturating_add(1));
        if missed > 0 {
            self.ready.push_back(TaskEvent::Missed(missed));
        }
        self.shown = self.shown.max(seq);
        self.ready.push_back(event);
    }
}

impl Stream for Events {
    type Item = TaskEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TaskEvent>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            let Some(coming) = &self.coming else { return Poll::Ready(None) };
            match ready!(coming.poll(cx)) {
                Some(event) => self.line_up(event),
                None => return Poll::Ready(None),
            }
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Events")
    }
}

/// The sending side; made when the first watcher asks.
#[derive(Default)]
pub(crate) struct Broadcast(Vec<Weak<Queue>>);

impl Broadcast {
    /// Tells everybody who listens; `event` is made once for each of them.
    pub(crate) fn publish(&self, event: impl Fn() -> Numbered) {
        self.watchers().for_each(|watcher| watcher.push(event()));
    }

    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.iter().any(|watcher| watcher.strong_count() > 0)
    }

    /// A receiver that is given `past` first; `shown` is the last output it does not expect.
    pub(crate) fn subscribe(&mut self, past: Vec<TaskEvent>, shown: u64) -> Events {
        let queue = Arc::new(Queue::default());
        self.0.retain(|watcher| watcher.strong_count() > 0);
        self.0.push(Arc::downgrade(&queue));
        Events { ready: past.into(), coming: Some(queue), shown }
    }

    fn watchers(&self) -> impl Iterator<Item = Arc<Queue>> {
        self.0.iter().filter_map(Weak::upgrade)
    }
}

impl Drop for Broadcast {
    fn drop(&mut self) {
        self.watchers().for_each(|watcher| watcher.close());
    }
}
