//! How many there are of something that a session is not closed before.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Counts something of a session that somebody may wait to be none of.
#[derive(Debug, Default)]
pub(super) struct Tally {
    count: AtomicUsize,
    /// Told when there are none any more.
    emptied: Notify,
}

impl Tally {
    /// So many more. Whoever counts one that is still to begin does so before it looks whether the
    /// session is over; whoever ends the session looks here after that. So one of them sees the
    /// other.
    pub(super) fn add(&self, count: usize) {
        self.count.fetch_add(count, Ordering::SeqCst);
    }

    /// So many less.
    pub(super) fn remove(&self, count: usize) {
        if count > 0 && self.count.fetch_sub(count, Ordering::AcqRel) == count {
            self.emptied.notify_one();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Waits until there are none.
    pub(super) async fn emptied(&self) {
        while !self.is_empty() {
            self.emptied.notified().await;
        }
    }
}
