//! The thin shell around lanes and numbering: many hands put frames in, one stream takes them out.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Frame;
use super::lanes::{LaneFull, Lanes};
use super::numbering::{Arrival, Arrivals, Departures, NumberingError};

/// One side's end of a stream: what leaves, and what has arrived. Clones share it.
#[derive(Debug)]
pub struct Outbox<F>(Arc<Mutex<State<F>>>);

#[derive(Debug)]
struct State<F> {
    lanes: Lanes<F>,
    departures: Departures,
    arrivals: Arrivals,
    waker: Option<Waker>,
    closed: bool,
    full: bool,
}

impl<F> Clone for Outbox<F> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<F: Frame> Outbox<F> {
    /// Opens an outbox in which `max_control` frames may wait.
    pub fn new(max_control: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            lanes: Lanes::new(max_control),
            departures: Departures::default(),
            arrivals: Arrivals::default(),
            waker: None,
            closed: false,
            full: false,
        })))
    }

    /// Puts a frame in and wakes the stream. Never waits. Frames for a closed outbox are dropped.
    ///
    /// # Errors
    ///
    /// [`LaneFull`] when the other side does not read: the outbox is closed, end the stream.
    pub fn send(&self, frame: F) -> Result<(), LaneFull> {
        let mut state = self.lock();
        if state.closed {
            return Ok(());
        }
        let sent = state.lanes.push(frame);
        state.full |= sent.is_err();
        state.closed |= state.full;
        wake(state);
        sent
    }

    /// Takes the next frame, numbered and with the newest ack; `None` when closed and empty.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<F>> {
        let mut state = self.lock();
        match state.lanes.pop() {
            Some(mut frame) => {
                let seq = if frame.is_numbered() { state.departures.number() } else { 0 };
                frame.stamp(seq, state.arrivals.ack());
                Poll::Ready(Some(frame))
            }
            None if state.closed => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Takes the stamps of a frame that arrived.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when it breaks a rule of the stream: end the stream.
    pub fn arrived(&self, frame: &F::Peer) -> Result<Arrival, NumberingError>
    where
        F: Paired,
    {
        let (seq, ack) = frame.stamps();
        let mut state = self.lock();
        state.departures.acked(ack)?;
        state.arrivals.receive(seq, frame.is_numbered())
    }

    /// Lets the stream end once everything that waits has left.
    pub fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        wake(state);
    }

    /// Ends the stream at once and drops what waits: nobody reads it any more.
    pub fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        while state.lanes.pop().is_some() {}
        wake(state);
    }

    /// Whether it was closed because the other side did not read.
    pub fn is_full(&self) -> bool {
        self.lock().full
    }

    /// Status frames dropped so far because the other side was slow.
    pub fn dropped(&self) -> u64 {
        self.lock().lanes.dropped()
    }

    fn lock(&self) -> MutexGuard<'_, State<F>> {
        // No user code runs under this lock, and no step leaves it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the stream after the lock is released, so that it does not wake into it.
fn wake<F>(mut state: MutexGuard<'_, State<F>>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// A frame and the frame that comes the other way.
pub trait Paired: Frame {
    /// What the other side sends.
    type Peer: Frame;
}

impl Paired for crate::proto::FromMaster {
    type Peer = crate::proto::FromSlave;
}

impl Paired for crate::proto::FromSlave {
    type Peer = crate::proto::FromMaster;
}
