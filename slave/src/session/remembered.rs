//! How many executions are remembered for a session.

use std::sync::atomic::{AtomicUsize, Ordering};

use selsyn_common::link::batch::MAX_BATCH_FRAMES;
use tokio::sync::Notify;

/// Most executions that a batch counts ahead: half of the largest batch.
const MAX_AHEAD: usize = MAX_BATCH_FRAMES / 2;

/// Counts the executions that are remembered for a session, and those that are about to be.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    count: AtomicUsize,
    /// Told when there are none any more.
    emptied: Notify,
}

impl Remembered {
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

/// Executions that a batch has counted and not begun yet: to count each by itself costs all cores
/// a cache line. Those that never begin are given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Ahead<'a> {
    remembered: &'a Remembered,
    left: usize,
    next: usize,
}

impl<'a> Ahead<'a> {
    pub(super) const fn new(remembered: &'a Remembered) -> Self {
        Self { remembered, left: 0, next: 1 }
    }

    /// Makes sure that the next execution is counted: as many as before, and as many again, so that
    /// a batch of one counts one.
    #[inline]
    pub(crate) fn count(&mut self) {
        if self.left == 0 {
            self.remembered.add(self.next);
            self.left = self.next;
            self.next = MAX_AHEAD.min(2 * self.next);
        }
    }

    /// An execution that was counted has begun: whoever forgets it counts it no more.
    #[inline]
    pub(crate) const fn begin(&mut self) {
        self.left -= 1;
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.remembered.remove(self.left);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn what_is_counted_ahead_and_never_begins_is_given_back() {
        for begun in 0..300 {
            let remembered = Remembered::default();
            let mut ahead = Ahead::new(&remembered);
            for _ in 0..begun {
                ahead.count();
                assert!(!remembered.is_empty(), "counted before it begins");
                ahead.begin();
            }
            // One that was counted and refused.
            ahead.count();
            drop(ahead);
            assert_eq!(remembered.count.load(Ordering::SeqCst), begun);
            remembered.remove(begun);
            assert!(remembered.is_empty());
        }
    }

    #[test]
    fn who_waits_for_none_is_woken_by_what_is_given_back() {
        let remembered = Remembered::default();
        let mut ahead = Ahead::new(&remembered);
        ahead.count();
        let mut emptied = Box::pin(remembered.emptied());
        assert!(emptied.as_mut().now_or_never().is_none());
        drop(ahead);
        assert!(emptied.as_mut().now_or_never().is_some());
    }
}
