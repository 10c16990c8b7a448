//! Which of one owner's tasks is the next.

use std::collections::{HashMap, VecDeque};

use selsyn_common::ExecutionId;

/// From one ticket to the next: between them is room for turns of tasks that are moved.
pub(super) const STEP: u64 = 1 << 20;

/// Withdrawn places that may stand between the others before they are cleared away.
const MAX_GAPS: usize = 64;

/// Tasks that wait, in the order in which they came, save those that were moved. A million of them
/// are 32 MB, so nothing stands in it that can be known otherwise.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By turn, which only grow; the first and the last are never withdrawn.
    places: VecDeque<Waiter>,
    waiting: usize,
    /// The turns of those that wait and were moved, by ticket: every other's is its ticket.
    moved: HashMap<u64, u64>,
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

    /// Takes the task whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Waiter> {
        let first = self.places.pop_front()?;
        self.forget(first.ticket);
        self.waiting -= 1;
        self.trim();
        Some(first)
    }

    /// Takes the task with this ticket, wherever it stands.
    pub(super) fn withdraw(&mut self, ticket: u64) -> Option<Waiter> {
        let at = self.find(ticket)?;
        let withdrawn = if self.moved.contains_key(&ticket) {
            // Its place would have no turn without it.
            self.forget(ticket);
            self.places.remove(at)?
        } else {
            let place = self.places.get_mut(at)?;
            std::mem::replace(place, Waiter { bytes: WITHDRAWN, ..*place })
        };
        self.waiting -= 1;
        self.trim();
        Some(withdrawn)
    }

    /// The turn of the task with this ticket.
    fn turn(&self, ticket: u64) -> u64 {
        self.moved.get(&ticket).copied().unwrap_or(ticket)
    }

    /// The task with this ticket waits no more, or gets another turn.
    fn forget(&mut self, ticket: u64) {
        // In most queues none was ever moved, and nothing has to be looked for.
        if !self.moved.is_empty() {
            self.moved.remove(&ticket);
        }
    }

    /// Where the task with this ticket stands, among places that are withdrawn.
    fn find(&self, ticket: u64) -> Option<usize> {
        let turn_of = |waiter: &Waiter| self.turn(waiter.ticket);
        let at = self.places.binary_search_by_key(&self.turn(ticket), turn_of).ok()?;
        // Another one may have been moved to the turn of a ticket that is gone.
        self.places.get(at).filter(|place| place.ticket == ticket && place.waits()).map(|_| at)
    }

    /// Those that wait, the next one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiter> {
        self.places.iter().filter(|place| place.waits())
    }

    /// The turn of the last one.
    pub(super) fn last_turn(&self) -> u64 {
        self.places.back().map_or(0, |last| self.turn(last.ticket))
    }

    /// Gives the task with this ticket another position, at most the last one; says which it has
    /// then. Looks at every task once, as somebody asks for it and no task by itself.
    pub(super) fn move_to(&mut self, ticket: u64, position: usize) -> Option<usize> {
        self.find(ticket)?;
        self.places.retain(Waiter::waits);
        let waiter = self.places.remove(self.find(ticket)?)?;
        self.forget(ticket);
        let to = position.min(self.places.len());
        let turn_at = |at: usize| self.places.get(at).map(|place| self.turn(place.ticket));
        let turn = between(to.checked_sub(1).and_then(turn_at), turn_at(to));
        self.places.insert(to, waiter);
        self.moved.insert(ticket, turn);
        self.make_room_behind(to, turn);
        Some(to)
    }

    /// Lets turns grow again behind this position, and its turn: where many were moved to the same
    /// place, there is no turn left between two.
    fn make_room_behind(&mut self, position: usize, mut last: u64) {
        for place in self.places.range(position + 1..) {
            if self.turn(place.ticket) > last {
                break;
            }
            last += 1;
            self.moved.insert(place.ticket, last);
        }
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

/// A turn between two others, if there is one; else the later of them.
const fn between(before: Option<u64>, after: Option<u64>) -> u64 {
    match (before, after) {
        (Some(before), Some(after)) => {
            before + if after - before > 1 { (after - before) / 2 } else { 1 }
        }
        (Some(before), None) => before + STEP,
        (None, Some(after)) => after.saturating_sub(STEP),
        (None, None) => STEP,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selsyn_common::TaskId;

    use super::*;

    fn id(ticket: u64) -> ExecutionId {
        ExecutionId::first(TaskId::from_random(u128::from(ticket).to_be_bytes()))
    }

    fn waiter(ticket: u64) -> Waiter {
        Waiter::new(ticket, id(ticket), 10)
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
        fn tasks_leave_in_order_whichever_are_withdrawn_and_wherever_they_are_moved(
            // Steps so small that moved tasks soon have no turn left between them.
            step in prop_oneof![Just(1), Just(4), Just(STEP)],
            steps in prop::collection::vec((0_u8..6, any::<prop::sample::Index>(), 0_usize..40), 0..300),
        ) {
            let (mut queue, mut model, mut ticket) = (Queue::default(), Vec::new(), 1_000);
            let mut gone = Vec::new();
            for (what, index, position) in steps {
                match what {
                    0 | 1 => {
                        ticket = queue.last_turn().max(ticket) + step;
                        queue.push(waiter(ticket));
                        model.push(ticket);
                    }
                    2 => {
                        let expected = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(queue.pop().map(|it| it.id), expected.map(id));
                        gone.extend(expected);
                    }
                    _ if model.is_empty() => prop_assert_eq!(queue.withdraw(ticket), None),
                    3 => {
                        let taken = model.remove(index.index(model.len()));
                        prop_assert_eq!(queue.withdraw(taken).map(|it| it.id), Some(id(taken)));
                        gone.push(taken);
                    }
                    _ => {
                        let moved = model.remove(index.index(model.len()));
                        let to = position.min(model.len());
                        model.insert(to, moved);
                        prop_assert_eq!(queue.move_to(moved, position), Some(to));
                    }
                }
                let stand: Vec<_> = queue.iter().map(|it| it.id).collect();
                prop_assert_eq!(stand, model.iter().copied().map(id).collect::<Vec<_>>());
                prop_assert_eq!(queue.is_empty(), model.is_empty());
                for ticket in &gone {
                    prop_assert_eq!(queue.withdraw(*ticket), None);
                    prop_assert_eq!(queue.move_to(*ticket, 0), None);
                }
            }
        }
    }
}
