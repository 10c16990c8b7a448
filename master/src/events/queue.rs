//! What waits for one watcher of a task.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use selsyn_common::Picture;

use super::{Numbered, TaskEvent};

/// Outputs that may wait for a slow watcher; beyond it the oldest are dropped and counted.
const MAX_OUTPUTS: usize = 1_024;

/// And about as many bytes: as a [`Picture`] has.
const MAX_BYTES: usize = Picture::MAX_BYTES;

/// What waits for one watcher: outputs within bounds, and the few other events whatever comes.
#[derive(Default)]
pub(super) struct Queue(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    events: VecDeque<Numbered>,
    outputs: usize,
    bytes: usize,
    is_closed: bool,
    reader: Option<Waker>,
}

impl Queue {
    pub(super) fn push(&self, event: Numbered) {
        let mut waiting = self.waiting();
        waiting.count(&event);
        waiting.events.push_back(event);
        while waiting.outputs > MAX_OUTPUTS || waiting.bytes > MAX_BYTES {
            waiting.drop_oldest_output();
        }
        wake(waiting);
    }

    /// Nothing comes any more.
    pub(super) fn close(&self) {
        let mut waiting = self.waiting();
        waiting.is_closed = true;
        wake(waiting);
    }

    /// The next event; `None` when it is empty and closed.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Numbered>> {
        let mut waiting = self.waiting();
        if let Some(event) = waiting.events.pop_front() {
            waiting.uncount(&event);
            return Poll::Ready(Some(event));
        }
        if waiting.is_closed {
            return Poll::Ready(None);
        }
        waiting.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // No user code runs under this lock, and no step leaves it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Not under the lock: a waker may poll.
fn wake(mut waiting: MutexGuard<'_, Waiting>) {
    let reader = waiting.reader.take();
    drop(waiting);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl Waiting {
    fn count(&mut self, (_, event): &Numbered) {
        if let TaskEvent::Output(output) = event {
            self.outputs += 1;
            self.bytes += output.content.weight();
        }
    }

    fn uncount(&mut self, (_, event): &Numbered) {
        if let TaskEvent::Output(output) = event {
            self.outputs -= 1;
            self.bytes -= output.content.weight();
        }
    }

    /// Before it there can be no more than the beginning of the story.
    fn drop_oldest_output(&mut self) {
        let oldest = self.events.iter().position(|(_, event)| is_output(event));
        let oldest = oldest.and_then(|at| self.events.remove(at));
        let oldest = oldest.expect("what is counted waits");
        self.uncount(&oldest);
    }
}

const fn is_output(event: &TaskEvent) -> bool {
    matches!(event, TaskEvent::Output(_))
}

#[cfg(test)]
mod tests {
    use selsyn_common::{LogLevel, LogLine, Output, OutputContent, Plot, Trace};

    use super::*;

    fn push(queue: &Queue, seq: u64, content: impl Into<OutputContent>) {
        queue.push((seq, TaskEvent::Output(Output { seq, content: content.into() })));
    }

    fn taken(queue: &Queue) -> Vec<Numbered> {
        let mut cx = Context::from_waker(Waker::noop());
        std::iter::from_fn(|| match queue.poll(&mut cx) {
            Poll::Ready(event) => event,
            Poll::Pending => None,
        })
        .collect()
    }

    #[test]
    fn a_slow_watcher_loses_the_oldest_outputs_and_no_other_event() {
        let queue = Queue::default();
        queue.push((0, TaskEvent::Accepted));
        queue.push((0, TaskEvent::Running));
        let lines = MAX_OUTPUTS as u64 + 5;
        (1..=lines).for_each(|seq| push(&queue, seq, LogLine::new(LogLevel::Info, seq)));
        let events = taken(&queue);
        let places = events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>();
        assert_eq!(places[..3], [0, 0, 6]);
        assert_eq!((places.len(), places.last()), (MAX_OUTPUTS + 2, Some(&lines)));
    }

    #[test]
    fn large_outputs_are_bounded_by_their_bytes() {
        let queue = Queue::default();
        let plot = Plot::new().trace(Trace::new().y(vec![1; 100_000]));
        let room = MAX_BYTES / OutputContent::from(plot.clone()).weight();
        (1..room as u64 + 4).for_each(|seq| push(&queue, seq, plot.clone()));
        assert_eq!(taken(&queue).len(), room);
        let waiting = queue.waiting();
        assert_eq!((waiting.outputs, waiting.bytes), (0, 0));
    }
}
