//! Which of one owner's tasks has waited longest.

use std::collections::VecDeque;

use selsyn_common::ExecutionId;

/// Withdrawn places that may stand between the others before they are cleared away.
const MAX_GAPS: usize = 64;

/// Tasks that wait, in the order in which they came. A million of them are 32 MB, so nothing
/// stands in it that can be known otherwise.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By ticket, which only grow; the first and the last are never withdrawn.
    places: VecDeque<Waiter>,
    waiting: usize,
}

/// A task that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    ticket: u64,
    pub(super) id: ExecutionId,
    /// Of its data; `WITHDRAWN` when it does not wait any more.
    bytes: u32,
}

const WITHDRAWN: u32 = u32::MAX;

impl Waiter {
    pub(super) fn new(ticket: u64, id: ExecutionId, bytes: usize) -> Self {
        // No slave takes 4 GiB at once.
        let bytes = u32::try_from(bytes).unwrap_or(WITHDRAWN).min(WITHDRAWN - 1);
        Self { ticket, id, bytes }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes as usize
    }

    const fn waits(&self) -> bool {
        self.bytes != WITHDRAWN
    }
}

impl Queue {
    /// Puts a task behind all others; its ticket is above theirs.
    pub(super) fn push(&mut self, waiter: Waiter) {
        self.places.push_back(waiter);
        self.waiting += 1;
    }

    /// Takes the task that has waited longest.
    pub(super) fn pop(&mut self) -> Option<Waiter> {
        let first = self.places.pop_front()?;
        self.waiting -= 1;
        self.trim();
        Some(first)
    }

    /// Takes the task with this ticket, wherever it stands.
    pub(super) fn withdraw(&mut self, ticket: u64) -> Option<Waiter> {
        let at = self.places.binary_search_by_key(&ticket, |waiter| waiter.ticket).ok()?;
        let place = self.places.get_mut(at).filter(|place| place.waits())?;
        let withdrawn = *place;
        place.bytes = WITHDRAWN;
        self.waiting -= 1;
        self.trim();
        Some(withdrawn)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.waiting == 0
    }

    /// Clears withdrawn places away: at the ends at once, between others when there are many, so
    /// that each is moved once for each that is withdrawn.
    fn trim(&mut self) {
        while self.places.front().is_some_and(|place| !place.waits()) {
            self.places.pop_front();
        }
        while self.places.back().is_some_and(|place| !place.waits()) {
            self.places.pop_back();
        }
        if self.places.len() > 2 * self.waiting + MAX_GAPS {
            self.places.retain(Waiter::waits);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selsyn_common::TaskId;

    use super::*;

    fn waiter(ticket: u64) -> Waiter {
        let id = TaskId::from_random(u128::from(ticket).to_be_bytes());
        Waiter::new(ticket, ExecutionId::first(id), 10)
    }

    #[test]
    fn a_waiter_is_no_larger_than_half_a_cache_line() {
        assert_eq!(size_of::<Waiter>(), 32);
    }

    #[test]
    fn withdrawn_places_do_not_pile_up() {
        let mut queue = Queue::default();
        queue.push(waiter(1));
        queue.push(waiter(2));
        for ticket in 3..10_000 {
            queue.push(waiter(ticket));
            queue.withdraw(ticket - 1).unwrap();
        }
        assert!(queue.places.capacity() < 1_000, "{}", queue.places.capacity());
    }

    proptest! {
        #[test]
        fn tasks_leave_in_order_whichever_are_withdrawn(
            steps in prop::collection::vec((0_u8..3, any::<prop::sample::Index>()), 0..300),
        ) {
            let (mut queue, mut model, mut ticket) = (Queue::default(), Vec::new(), 0);
            for (step, index) in steps {
                match step {
                    0 => {
                        ticket += 1;
                        queue.push(waiter(ticket));
                        model.push(ticket);
                    }
                    1 => {
                        let expected = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(queue.pop(), expected.map(waiter));
                    }
                    _ if model.is_empty() => prop_assert_eq!(queue.withdraw(ticket), None),
                    _ => {
                        let taken = model.remove(index.index(model.len()));
                        prop_assert_eq!(queue.withdraw(taken), Some(waiter(taken)));
                        prop_assert_eq!(queue.withdraw(taken), None);
                    }
                }
                prop_assert_eq!(queue.is_empty(), model.is_empty());
            }
        }
    }
}
