//! How many executions are remembered for a session.

use selsyn_common::link::batch::MAX_BATCH_FRAMES;

use super::tally::Tally;

/// Most executions that a batch counts ahead: half of the largest batch.
const MAX_AHEAD: usize = MAX_BATCH_FRAMES / 2;

/// Executions that a batch has counted and not begun yet: to count each by itself costs all cores
/// a cache line. Those that never begin are given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Ahead<'a> {
    remembered: &'a Tally,
    left: usize,
    next: usize,
}

impl<'a> Ahead<'a> {
    pub(super) const fn new(remembered: &'a Tally) -> Self {
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
            let remembered = Tally::default();
            let mut ahead = Ahead::new(&remembered);
            for _ in 0..begun {
                ahead.count();
                assert!(!remembered.is_empty(), "counted before it begins");
                ahead.begin();
            }
            // One that was counted and refused.
            ahead.count();
            drop(ahead);
            remembered.remove(begun);
            assert!(remembered.is_empty());
        }
    }

    #[test]
    fn who_waits_for_none_is_woken_by_what_is_given_back() {
        let remembered = Tally::default();
        let mut ahead = Ahead::new(&remembered);
        ahead.count();
        let mut emptied = Box::pin(remembered.emptied());
        assert!(emptied.as_mut().now_or_never().is_none());
        drop(ahead);
        assert!(emptied.as_mut().now_or_never().is_some());
    }
}
