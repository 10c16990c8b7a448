//! The slots of one kind, and whose turn it is at the next one.

use std::collections::BTreeMap;

use selsyn_common::MasterId;

use super::queue::{Queue, Waiter};

/// One kind of slots, with the queues before them, one for each owner.
#[derive(Debug, Default)]
pub(super) struct Pool {
    pub(super) slots: usize,
    pub(super) running: usize,
    pub(super) queues: BTreeMap<MasterId, Queue>,
    /// Whose turn it was last.
    last: Option<MasterId>,
}

impl Pool {
    pub(super) fn new(slots: usize) -> Self {
        Self { slots, ..Self::default() }
    }

    /// Takes the oldest task of the owner whose turn it is.
    pub(super) fn next(&mut self) -> Option<(MasterId, Waiter)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = |last| self.queues.range((Excluded(last), Unbounded)).next();
        let (owner, _) = self.last.and_then(after).or_else(|| self.queues.first_key_value())?;
        let owner = *owner;
        self.last = Some(owner);
        let taken = self.take(owner, Queue::pop)?;
        Some((owner, taken))
    }

    pub(super) fn withdraw(&mut self, owner: MasterId, ticket: u64) -> Option<Waiter> {
        self.take(owner, |queue| queue.withdraw(ticket))
    }

    /// Takes a task out of its owner's queue, which goes with its last one.
    fn take(
        &mut self,
        owner: MasterId,
        take: impl FnOnce(&mut Queue) -> Option<Waiter>,
    ) -> Option<Waiter> {
        let queue = self.queues.get_mut(&owner)?;
        let taken = take(queue);
        if queue.is_empty() {
            self.queues.remove(&owner);
        }
        taken
    }
}
