//! Whether a stream is tied to a session, and which one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The tie between a session and its streams.
#[derive(Debug)]
pub(super) struct Tie {
    inner: Mutex<Inner>,
    closed: CancellationToken,
}

#[derive(Debug)]
struct Inner {
    /// Counts the streams of the session, from 1.
    stream: u64,
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
    pub(super) fn new() -> Self {
        let state = State::Detached { last_heard: Instant::now(), over: CancellationToken::new() };
        Self { inner: Mutex::new(Inner { stream: 0, state }), closed: CancellationToken::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ties a new stream to the session, and ends the one before: its number, and the token that
    /// ends it. `None` when the session is closed.
    pub(super) fn attach(&self) -> Option<(u64, CancellationToken)> {
        let mut inner = self.lock();
        match &inner.state {
            State::Attached(stop) => stop.cancel(),
            State::Detached { over, .. } => over.cancel(),
            State::Closed => return None,
        }
        let stop = CancellationToken::new();
        inner.stream += 1;
        inner.state = State::Attached(stop.clone());
        Some((inner.stream, stop))
    }

    /// The stream broke. Gives a token that ends the wait; `None` when another stream is tied to
    /// the session by now, or it is closed.
    pub(super) fn detach(&self, stream: u64, last_heard: Instant) -> Option<CancellationToken> {
        let mut inner = self.lock();
        if inner.stream != stream || !matches!(inner.state, State::Attached(_)) {
            return None;
        }
        let over = CancellationToken::new();
        inner.state = State::Detached { last_heard, over: over.clone() };
        Some(over)
    }

    /// Closes the session; false when it was closed before.
    pub(super) fn close(&self) -> bool {
        let mut inner = self.lock();
        match std::mem::replace(&mut inner.state, State::Closed) {
            State::Attached(stop) => stop.cancel(),
            State::Detached { over, .. } => over.cancel(),
            State::Closed => return false,
        }
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
        self.closed.is_cancelled()
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
