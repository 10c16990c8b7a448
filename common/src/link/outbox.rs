//! The thin shell around a line: many hands put frames in, one stream at a time takes them out.
//! Who keeps something in it needs one lock for both.

mod locked;

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Frame;
use super::assembly::Held;
use super::batch::{Batch, Incoming};
use super::line::{Announced, Arrived, Clock, Line, LineError, LineFull};
use super::numbering::NumberingError;
use super::quick::{Series, Short};
use super::verdicts::Verdicts;
use crate::proto::FromSlave;

pub use locked::Locked;

/// One side's end of a session, and what its owner keeps under the same lock. Clones share both.
#[derive(Debug)]
pub struct Outbox<F: Frame, K = ()>(Arc<Shared<F, K>>);

#[derive(Debug)]
struct Shared<F: Frame, K> {
    clock: Clock,
    both: Mutex<Both<F, K>>,
}

#[derive(Debug)]
struct Both<F: Frame, K> {
    state: State<F>,
    kept: K,
}

#[derive(Debug)]
struct State<F: Frame> {
    line: Line<F>,
    /// Counts the streams; only the newest one has anything to take.
    stream: u64,
    waker: Option<Waker>,
    closed: bool,
    full: bool,
}

/// One stream's hold on an outbox. A newer one ends it.
#[derive(Debug)]
pub struct StreamEnd<F: Frame, K = ()> {
    outbox: Outbox<F, K>,
    stream: u64,
}

/// Frames to deal with, in order.
#[derive(Debug)]
pub enum Whole<F> {
    /// All of them common.
    Series(Series<F>),
    /// Others among them.
    Frames(Vec<F>),
}

impl<F> Default for Whole<F> {
    fn default() -> Self {
        Self::Frames(Vec::new())
    }
}

impl<F: Frame> Whole<F> {
    /// All of them as frames.
    pub fn into_frames(self) -> Vec<F> {
        match self {
            Self::Series(series) => series.map(F::of_common).collect(),
            Self::Frames(frames) => frames,
        }
    }
}

impl<F: Frame, K> Clone for Outbox<F, K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: Frame, K> Clone for StreamEnd<F, K> {
    fn clone(&self) -> Self {
        Self { outbox: self.outbox.clone(), stream: self.stream }
    }
}

impl<F: Frame> Outbox<F> {
    /// Opens an outbox in which `max_control` frames may wait to leave or to be acknowledged.
    pub fn new(max_control: usize, clock: Clock) -> Self {
        Self::with(max_control, clock, ())
    }
}

/// The two directions.
impl<F: Frame, K> Outbox<F, K> {
    /// Opens an outbox as [`new`](Outbox::new), and keeps something in it.
    pub fn with(max_control: usize, clock: Clock, kept: K) -> Self {
        let line = Line::new(max_control);
        let state = State { line, stream: 0, waker: None, closed: false, full: false };
        Self(Arc::new(Shared { clock, both: Mutex::new(Both { state, kept }) }))
    }

    /// Puts a frame in and wakes the stream. Never waits. Frames for a closed outbox are dropped.
    ///
    /// # Errors
    ///
    /// [`LineFull`] when the other side does not read: the outbox is closed, end the session.
    pub fn send(&self, frame: F) -> Result<(), LineFull> {
        self.lock().send(frame)
    }

    /// Puts a frame in and lets the stream sleep: [wake](Self::wake) it when no more come for now.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn put(&self, frame: F) -> Result<(), LineFull> {
        self.lock().put(frame)
    }

    /// As [`send`](Self::send) for a common frame, which need not be made.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    #[inline]
    pub fn send_short(&self, short: &impl Short<F>) -> Result<(), LineFull> {
        self.lock().send_short(short)
    }

    /// Says that this side lives, and wakes the stream. Nothing where the outbox is closed.
    pub fn beat(&self) {
        self.lock().beat();
    }

    /// Wakes the stream if it has something to take.
    pub fn wake(&self) {
        self.lock().wake();
    }

    /// Waits for the payloads of an announced frame; `held` is dropped when the wait ends.
    pub fn expect(&self, announced: Announced<F::Peer>, held: Held) {
        self.lock().state().line.expect(announced, held, (self.0.clock)());
    }

    /// Stops waiting for the payloads of the first frame that is meant; gives that frame.
    pub fn give_up_waiting(&self, is_meant: impl Fn(&F::Peer) -> bool) -> Option<F::Peer> {
        self.lock().state().line.give_up_waiting(is_meant)
    }
}

/// What a slave says most.
impl<K> Outbox<FromSlave, K> {
    /// As [`put`](Self::put) for verdicts that were written together; none is left.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn put_verdicts(&self, verdicts: &mut Verdicts) -> Result<(), LineFull> {
        self.lock().put_verdicts(verdicts)
    }
}

/// Streams come and go.
impl<F: Frame, K> Outbox<F, K> {
    /// Hands the outbox to a stream; the one before it ends.
    pub fn attach(&self) -> StreamEnd<F, K> {
        self.lock().attach()
    }

    /// Hands the outbox to a stream that resumes the session: what the other side has not received
    /// leaves again.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when the other side contradicts what it said before: nothing has changed.
    pub fn resume(&self, received: u64) -> Result<StreamEnd<F, K>, NumberingError> {
        self.lock().resume(received)
    }

    /// Takes the outbox from whichever stream has it: what comes from now on waits.
    pub fn detach(&self) {
        self.lock().detach();
    }

    /// Highest number received: what a resumption names.
    pub fn received(&self) -> u64 {
        self.lock().received()
    }

    /// Lets the stream end once everything that waits has left.
    pub fn close(&self) {
        self.lock().close();
    }

    /// Takes the outbox from its stream at once and drops what waits: nobody reads it any more.
    pub fn abandon(&self) {
        self.lock().abandon();
    }

    /// Whether it was closed because the other side did not read.
    pub fn is_full(&self) -> bool {
        self.lock().is_full()
    }

    /// Whether everything has left.
    pub fn is_drained(&self) -> bool {
        self.lock().state().line.is_drained()
    }

    /// Whether the other side has acknowledged everything that must not be lost.
    pub fn is_settled(&self) -> bool {
        self.lock().state().line.is_settled()
    }

    /// Status frames dropped so far because the other side was slow.
    pub fn dropped(&self) -> u64 {
        self.lock().state().line.dropped()
    }

    /// Keeps everybody else out.
    #[inline]
    pub fn lock(&self) -> Locked<'_, F, K> {
        // No user code runs under this lock, and no step leaves it half done.
        Locked::new(self, self.0.both.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<F: Frame, K> StreamEnd<F, K> {
    /// Takes the frames that leave next; `None` when closed and empty, or when a newer stream has
    /// taken over.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Batch<F>>> {
        let mut locked = self.outbox.lock();
        let state = locked.state();
        if state.stream != self.stream {
            return Poll::Ready(None);
        }
        // Whoever has something that shall leave takes the waker: HTTP/2 asks three times for each
        // batch that there is.
        if state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            return Poll::Pending;
        }
        match state.line.next_batch(self.outbox.0.clock) {
            Some(batch) => Poll::Ready(Some(batch)),
            None if state.closed && state.line.is_drained() => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Whether the outbox was taken from this stream: what it has not said, it will not say.
    pub fn is_former(&self) -> bool {
        self.outbox.lock().state().stream != self.stream
    }

    /// Waits for the payloads of an announced frame; not once a newer stream has taken over, whose
    /// session may be another one.
    pub fn expect(&self, announced: Announced<F::Peer>) {
        let mut locked = self.outbox.lock();
        if locked.state().stream == self.stream {
            locked.state().line.expect(announced, Box::new(()), (self.outbox.0.clock)());
        }
    }

    /// Takes what a batch acknowledges, where nobody deals with frames any more.
    pub fn acked(&self, batch: Batch<F::Peer>) {
        let Ok(mut incoming) = batch.into_incoming() else { return };
        // A broken rule breaks nothing now.
        while let Ok(Some(_)) = self.arrived(&mut incoming, &mut Whole::default()) {}
    }

    /// Takes frames that arrived together, up to one that is announced; those to deal with are in
    /// `whole` then. Gives the announced one, with the sizes of its payloads: deal with it before
    /// the rest. Nothing when a newer stream has taken over.
    ///
    /// # Errors
    ///
    /// [`LineError`] when one breaks a rule of the stream: deal with `whole`, then end the session.
    pub fn arrived(
        &self,
        incoming: &mut Incoming<F::Peer>,
        whole: &mut Whole<F::Peer>,
    ) -> Result<Option<Announced<F::Peer>>, LineError> {
        let mut locked = self.outbox.lock();
        let state = locked.state();
        if state.stream != self.stream {
            return Ok(None);
        }
        let announced = take(&mut state.line, self.outbox.0.clock, incoming, whole);
        // They may have brought credit, or be owed an acknowledgement.
        if state.line.is_urgent() {
            locked.wakes();
        }
        announced
    }
}

impl<F: Frame> State<F> {
    fn put(&mut self, frame: F, clock: Clock) -> Result<(), LineFull> {
        if self.closed {
            return Ok(());
        }
        let put = self.line.send(frame, clock);
        self.note(put)
    }

    #[inline(always)]
    fn put_short(&mut self, short: &impl Short<F>, clock: Clock) -> Result<(), LineFull> {
        if self.closed {
            return Ok(());
        }
        let put = self.line.send_short(short, clock);
        self.note(put)
    }

    /// Nobody who does not read is told more.
    #[inline(always)]
    fn note(&mut self, put: Result<(), LineFull>) -> Result<(), LineFull> {
        if put.is_err() {
            (self.full, self.closed) = (true, true);
        }
        put
    }
}

impl State<FromSlave> {
    fn put_verdicts(&mut self, verdicts: &mut Verdicts, clock: Clock) -> Result<(), LineFull> {
        if self.closed {
            verdicts.clear();
            return Ok(());
        }
        let put = self.line.send_verdicts(verdicts, clock);
        self.note(put)
    }
}

/// Takes frames up to one that is announced.
fn take<F: Frame>(
    line: &mut Line<F>,
    clock: Clock,
    incoming: &mut Incoming<F::Peer>,
    whole: &mut Whole<F::Peer>,
) -> Result<Option<Announced<F::Peer>>, LineError> {
    line.acked(incoming.ack, clock)?;
    if let Some(series) = incoming.take_series() {
        *whole = Whole::Series(line.arrived_together(incoming.number(), series)?);
        return Ok(None);
    }
    let mut frames = Vec::new();
    let announced = take_each(line, clock, incoming, &mut frames);
    *whole = Whole::Frames(frames);
    announced
}

fn take_each<F: Frame>(
    line: &mut Line<F>,
    clock: Clock,
    incoming: &mut Incoming<F::Peer>,
    whole: &mut Vec<F::Peer>,
) -> Result<Option<Announced<F::Peer>>, LineError> {
    for (number, mut frame) in incoming {
        match line.arrived(number, &mut frame, clock)? {
            Arrived::Whole => whole.push(frame),
            Arrived::Announced(sizes) => return Ok(Some(Announced { frame, number, sizes })),
            Arrived::Nothing => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
