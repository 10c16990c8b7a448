//! The slots of one kind, and whose turn it is at the next one.

use std::collections::{BTreeMap, VecDeque};

use selsyn_common::{ExecutionId, MasterId};

use super::queue::{Queue, Waiter};

/// The first of each line, then the second of each, and so on.
pub(super) fn by_turns<L: Iterator>(
    lines: impl IntoIterator<Item = L>,
) -> impl Iterator<Item = L::Item> {
    let mut lines: VecDeque<_> = lines.into_iter().collect();
    std::iter::from_fn(move || {
        loop {
            let mut line = lines.pop_front()?;
            if let Some(next) = line.next() {
                lines.push_back(line);
                return Some(next);
            }
        }
    })
}

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

    /// Takes the next task of the owner whose turn it is.
    pub(super) fn next(&mut self) -> Option<(MasterId, Waiter)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let after = |last| self.queues.range((Excluded(last), Unbounded)).next();
        let (owner, _) = self.last.and_then(after).or_else(|| self.queues.first_key_value())?;
        let owner = *owner;
        self.last = Some(owner);
        let taken = self.take(owner, Queue::pop)?;
        Some((owner, taken))
    }

    /// Those that wait, with the owner and the position of each in its queue, in the order of their
    /// turns.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = (MasterId, usize, ExecutionId)> {
        let is_late = |owner: &MasterId| self.last.is_none_or(|last| *owner > last);
        let late = self.queues.iter().filter(move |(owner, _)| is_late(owner));
        let early = self.queues.iter().filter(move |(owner, _)| !is_late(owner));
        let owners = late.chain(early);
        by_turns(owners.map(|(owner, queue)| {
            let line = queue.iter().enumerate();
            line.map(|(position, waiter)| (*owner, position, waiter.id))
        }))
    }

    /// Gives a task another position in its owner's queue; says which it has then, and the last turn
    /// of that queue.
    pub(super) fn move_to(
        &mut self,
        owner: MasterId,
        ticket: u64,
        position: usize,
    ) -> Option<(usize, u64)> {
        let queue = self.queues.get_mut(&owner)?;
        let position = queue.move_to(ticket, position)?;
        Some((position, queue.last_turn()))
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
