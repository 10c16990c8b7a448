//! How much waits.

use super::queue::Waiter;

/// What waits, of one owner or of all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    pub(super) tasks: usize,
    pub(super) bytes: usize,
}

impl Waiting {
    pub(super) const fn add(&mut self, waiter: Waiter) {
        self.tasks += 1;
        self.bytes += waiter.bytes();
    }

    pub(super) const fn remove(&mut self, waiter: Waiter) {
        self.tasks -= 1;
        self.bytes -= waiter.bytes();
    }
}
