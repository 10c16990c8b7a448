//! Which of one owner's tasks is the next.

mod moved;

use std::collections::VecDeque;

use selsyn_common::ExecutionId;

use moved::Moved;

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
    moved: Moved,
}

/// A task that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiter {
    /// Its ticket, unless it was moved.
    turn: u64,
    pub(super) id: ExecutionId,
    /// Of its data; `WITHDRAWN` when it does not wait any more.
    bytes: u32,
}

const WITHDRAWN: u32 = u32::MAX;

impl Waiter {
    pub(super) fn new(ticket: u64, id: ExecutionId, bytes: usize) -> Self {
        // No slave takes 4 GiB at once.
        let bytes = u32::try_from(bytes).unwrap_or(WITHDRAWN).min(WITHDRAWN - 1);
        Self { turn: ticket, id, bytes }
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
        self.moved.forget(first.turn);
        self.waiting -= 1;
        self.trim();
        Some(first)
    }

    /// Takes the task with this ticket, wherever it stands.
    pub(super) fn withdraw(&mut self, ticket: u64) -> Option<Waiter> {
        let at = self.find(ticket)?;
        let place = self.places.get_mut(at)?;
        let withdrawn = *place;
        place.bytes = WITHDRAWN;
        self.moved.forget(withdrawn.turn);
        self.waiting -= 1;
        self.trim();
        Some(withdrawn)
    }

    /// Where the task with this ticket stands, among places that are withdrawn.
    fn find(&self, ticket: u64) -> Option<usize> {
        let turn = self.moved.turn(ticket);
        let at = self.places.binary_search_by_key(&turn, |waiter| waiter.turn).ok()?;
        // Another one may have been moved to the turn of a ticket that is gone.
        let is_its = self.moved.ticket(turn) == ticket && self.places.get(at)?.waits();
        is_its.then_some(at)
    }

    /// Those that wait, the next one first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Waiter> {
        self.places.iter().filter(|place| place.waits())
    }

    /// The turn of the last one.
    pub(super) fn last_turn(&self) -> u64 {
        self.places.back().map_or(0, |last| last.turn)
    }

    /// Gives the task with this ticket another position, at most the last one; says which it has
    /// then. Looks at every task once, as somebody asks for it and no task by itself.
    pub(super) fn move_to(&mut self, ticket: u64, position: usize) -> Option<usize> {
        self.find(ticket)?;
        self.places.retain(Waiter::waits);
        let mut waiter = self.places.remove(self.find(ticket)?)?;
        self.moved.forget(waiter.turn);
        let to = position.min(self.places.len());
        let before = to.checked_sub(1).and_then(|before| self.places.get(before));
        waiter.turn = between(before.map(|it| it.turn), self.places.get(to).map(|it| it.turn));
        self.places.insert(to, waiter);
        self.make_room_behind(to);
        self.moved.moves(ticket, waiter.turn);
        Some(to)
    }

    /// Lets turns grow again behind this position: where many were moved to the same place, there is
    /// no turn left between two.
    fn make_room_behind(&mut self, position: usize) {
        let Some(mut last) = self.places.get(position).map(|it| it.turn) else { return };
        let mut later = Vec::new();
        for place in self.places.range_mut(position + 1..) {
            if place.turn > last {
                break;
            }
            last += 1;
            later.push((self.moved.ticket(place.turn), place.turn, last));
            place.turn = last;
        }
        later.iter().for_each(|(_, before, _)| self.moved.forget(*before));
        later.iter().for_each(|(ticket, _, turn)| self.moved.moves(*ticket, *turn));
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
