//! What a connection looks like over time, as a stream for whoever wants to watch.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::{Stream, StreamExt};

use super::ConnectionState;

/// States that may wait for a slow watcher; beyond it the oldest are dropped.
pub(super) const CAPACITY: usize = 64;

/// The states of one connection, from the present one to its last.
///
/// A [`Stream`] of [`ConnectionState`]. Made by [`Connection::events`](crate::Connection::events).
/// A watcher that is too slow misses the oldest states, never the newest.
pub struct ConnectionEvents {
    now: Option<ConnectionState>,
    coming: Option<BroadcastStream<ConnectionState>>,
}

impl ConnectionEvents {
    pub(super) fn new(now: ConnectionState, coming: broadcast::Receiver<ConnectionState>) -> Self {
        Self { now: Some(now), coming: Some(BroadcastStream::new(coming)) }
    }

    /// The next state; `None` after Failed or Closed.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop: no state is lost.
    pub async fn next(&mut self) -> Option<ConnectionState> {
        StreamExt::next(self).await
    }
}

impl Stream for ConnectionEvents {
    type Item = ConnectionState;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match self.now.take() {
            Some(now) => Some(now),
            None => loop {
                let Some(coming) = &mut self.coming else { return Poll::Ready(None) };
                match std::task::ready!(Pin::new(coming).poll_next(cx)) {
                    Some(Ok(state)) => break Some(state),
                    // Too slow: what was missed is older than what comes next.
                    Some(Err(_)) => {}
                    None => break None,
                }
            },
        };
        if next.is_none_or(ConnectionState::is_final) {
            self.coming = None;
        }
        Poll::Ready(next)
    }
}

impl fmt::Debug for ConnectionEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectionEvents")
    }
}
