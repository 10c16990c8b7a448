//! Whether a stream is tied to a session, and which one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use selsyn_common::link::numbering::NumberingError;
use selsyn_common::link::outbox::{Outbox, StreamEnd};
use selsyn_common::proto::FromSlave;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The tie between a session and its streams.
#[derive(Debug)]
pub(super) struct Tie {
    inner: Mutex<Inner>,
    closed: CancellationToken,
    /// Whether it is: every start asks, and the token would take a lock.
    is_closed: AtomicBool,
}

/// A stream that is tied to a session.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) number: u64,
    pub(super) end: StreamEnd<FromSlave>,
    /// Ends it.
    pub(super) stop: CancellationToken,
}

#[derive(Debug)]
struct Inner {
    /// Counts the streams of the session, from 1.
    stream: u64,
    /// The master's count of the dial that the last stream came from.
    dial: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    /// A stream is tied to it; the token ends that stream.
    Attached(CancellationToken),
    /// The stream broke; the token ends the wait for the next one.
    Detached { last_heard: Instant, over: CancellationToken },
    /// For good.
    Closed,
}

impl Tie {
    pub(super) fn new(dial: u64) -> Self {
        let state = State::Detached { last_heard: Instant::now(), over: CancellationToken::new() };
        Self {
            inner: Mutex::new(Inner { stream: 0, dial, state }),
            closed: CancellationToken::new(),
            is_closed: AtomicBool::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ties a new stream to the session, which takes the outbox, and ends the one before. `None`
    /// when the session is closed. In one step: the stream that is tied is the one that has the
    /// outbox, however many come at once.
    pub(super) fn attach(
        &self,
        dial: u64,
        take: impl FnOnce() -> Result<StreamEnd<FromSlave>, NumberingError>,
    ) -> Result<Option<Stream>, NumberingError> {
        let mut inner = self.lock();
        if matches!(inner.state, State::Closed) {
            return Ok(None);
        }
        let (end, stop) = (take()?, CancellationToken::new());
        match std::mem::replace(&mut inner.state, State::Attached(stop.clone())) {
            State::Attached(former) => former.cancel(),
            State::Detached { over, .. } => over.cancel(),
            State::Closed => unreachable!("it was looked at under this lock"),
        }
        inner.stream += 1;
        inner.dial = dial;
        Ok(Some(Stream { number: inner.stream, end, stop }))
    }

    /// The stream broke, and has the outbox no more. Gives a token that ends the wait; `None` when
    /// another stream is tied to the session by now, or it is closed.
    pub(super) fn detach(
        &self,
        stream: u64,
        last_heard: Instant,
        outbox: &Outbox<FromSlave>,
    ) -> Option<CancellationToken> {
        let mut inner = self.lock();
        if inner.stream != stream || !matches!(inner.state, State::Attached(_)) {
            return None;
        }
        outbox.detach();
        let over = CancellationToken::new();
        inner.state = State::Detached { last_heard, over: over.clone() };
        Some(over)
    }

    /// Whether a Hello of this dial comes a second time, or after a later one.
    pub(super) fn is_late(&self, dial: u64) -> bool {
        dial > 0 && dial <= self.lock().dial
    }

    /// Closes the session; false when it was closed before.
    pub(super) fn close(&self) -> bool {
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.state, State::Closed) {
            State::Attached(stop) => stop.cancel(),
            State::Detached { over, .. } => over.cancel(),
            State::Closed => return false,
        }
        self.is_closed.store(true, Ordering::SeqCst);
        self.closed.cancel();
        true
    }

    /// Ends the stream that is tied to it, if any; what becomes of the session, its reader knows.
    pub(super) fn stop(&self) {
        if let State::Attached(stop) = &self.lock().state {
            stop.cancel();
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Waits until the session is closed.
    pub(super) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    /// Whether this stream is the one that is tied to it, or was the last.
    pub(super) fn is_current(&self, stream: u64) -> bool {
        self.lock().stream == stream
    }

    /// Since when no stream is tied to it; `None` while one is.
    pub(super) fn detached_since(&self) -> Option<Instant> {
        match self.lock().state {
            State::Detached { last_heard, .. } => Some(last_heard),
            State::Attached(_) | State::Closed => None,
        }
    }
}
