//! Finds what has an id: at the place that the id's counter names, as a rule.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::mem;

use foldhash::fast::RandomState;
use selsyn_common::{ExecutionId, TaskId};

/// Places that a table begins with: most connections of a large master have few tasks.
const FEWEST_PLACES: usize = 4;

/// There are at most so many places for each entry: ids whose counters are a power of two apart
/// meet however many there are.
const MOST_PLACES_EACH: usize = 4;

/// Of so many places, as many entries as one may be crowded out before there are more places.
const PLACES_FOR_ONE_CROWDED: usize = 8;

/// So many places a table keeps that is empty.
const MOST_SPARE_PLACES: usize = 4_096;

/// What is kept under an id that never changes.
pub(super) trait Kept {
    fn id(&self) -> ExecutionId;
}

/// Entries by their ids, each id once. All ids in it were made here, where the low half is a
/// counter: an entry goes to the place that the counter names, without a search. Only where that is
/// taken, by one that has been there for long, is it kept in a map. Nobody can choose ids that
/// collide, and an id that is not in it costs one look at either.
pub(super) struct Table<T> {
    /// A power of two, or none.
    places: Vec<Option<T>>,
    crowded: HashMap<Key, T, RandomState>,
    len: usize,
}

/// An id, hashed by its low half alone.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key(ExecutionId);

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(low_half(self.0.task));
    }
}

#[inline]
fn low_half(task: TaskId) -> u64 {
    task.halves().1
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { places: Vec::new(), crowded: HashMap::default(), len: 0 }
    }
}

impl<T: Kept> Table<T> {
    #[inline]
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds an entry under an id that is not in it; made where it stays.
    #[inline]
    pub(super) fn insert(&mut self, id: ExecutionId, entry: impl FnOnce() -> T) {
        self.len += 1;
        let place = self.place_of(id);
        match self.places.get_mut(place) {
            Some(free @ None) => *free = Some(entry()),
            _ => self.crowd_out(entry()),
        }
    }

    #[inline]
    pub(super) fn get(&self, id: ExecutionId) -> Option<&T> {
        let placed = self.places.get(self.place_of(id)).and_then(Option::as_ref);
        placed.filter(|entry| entry.id() == id).or_else(|| self.crowded.get(&Key(id)))
    }

    pub(super) fn get_mut(&mut self, id: ExecutionId) -> Option<&mut T> {
        let place = self.place_of(id);
        let placed = self.places.get_mut(place).and_then(Option::as_mut);
        placed.filter(|entry| entry.id() == id).or_else(|| self.crowded.get_mut(&Key(id)))
    }

    /// Takes an entry out, and gives what is wanted of it.
    #[inline(always)]
    pub(super) fn remove<R>(&mut self, id: ExecutionId, wanted: impl FnOnce(T) -> R) -> Option<R> {
        let place = self.place_of(id);
        if let Some(kept) = self.places.get_mut(place)
            && let Some(entry) = kept.take_if(|entry| entry.id() == id)
        {
            self.len -= 1;
            if self.len == 0 && self.places.len() > MOST_SPARE_PLACES {
                // What a flood needed is not kept, nor walked, for ever.
                self.places = Vec::new();
            }
            return Some(wanted(entry));
        }
        self.remove_crowded(id).map(wanted)
    }

    /// Every entry, in no order.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().flatten().chain(self.crowded.values_mut())
    }

    /// Takes those out that are wanted.
    pub(super) fn take_if(&mut self, wanted: impl Fn(&T) -> bool) -> Vec<T> {
        let placed = self.places.iter_mut().filter_map(|kept| kept.take_if(|entry| wanted(entry)));
        let crowded = self.crowded.extract_if(|_, entry| wanted(entry)).map(|(_, entry)| entry);
        let taken: Vec<_> = placed.chain(crowded).collect();
        self.len -= taken.len();
        taken
    }

    #[inline]
    fn place_of(&self, id: ExecutionId) -> usize {
        // The counter is at the tail: what a smaller usize cuts off is not part of it.
        low_half(id.task) as usize & self.places.len().wrapping_sub(1)
    }

    #[cold]
    fn crowd_out(&mut self, entry: T) {
        self.crowded.insert(Key(entry.id()), entry);
        let is_crowded = self.crowded.len() * PLACES_FOR_ONE_CROWDED > self.places.len();
        if is_crowded && self.places.len() < MOST_PLACES_EACH * self.len {
            self.make_room();
        }
    }

    fn remove_crowded(&mut self, id: ExecutionId) -> Option<T> {
        if self.crowded.is_empty() {
            return None;
        }
        let entry = self.crowded.remove(&Key(id))?;
        self.len -= 1;
        Some(entry)
    }

    /// Gives everything a place among twice as many; what finds none is crowded out again.
    fn make_room(&mut self) {
        let places = FEWEST_PLACES.max(2 * self.places.len());
        let placed = mem::replace(&mut self.places, Vec::from_iter((0..places).map(|_| None)));
        let crowded = mem::take(&mut self.crowded).into_values();
        for entry in placed.into_iter().flatten().chain(crowded) {
            let place = self.place_of(entry.id());
            match &mut self.places[place] {
                free @ None => *free = Some(entry),
                Some(_) => drop(self.crowded.insert(Key(entry.id()), entry)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selsyn_common::TaskIds;

    use super::*;

    impl Kept for ExecutionId {
        fn id(&self) -> ExecutionId {
            *self
        }
    }

    /// So many ids, as one master makes them.
    fn ids(count: usize) -> Vec<ExecutionId> {
        let ids = TaskIds::new([7; 16]);
        (0..count).map(|_| ExecutionId::first(ids.next(1))).collect()
    }

    #[test]
    fn tasks_that_come_and_go_in_turn_are_never_crowded() {
        let mut table = Table::default();
        let ids = ids(100_000);
        for (id, before) in ids.iter().zip([None; 1_000].into_iter().chain(ids.iter().map(Some))) {
            before
                .into_iter()
                .for_each(|before| assert_eq!(table.remove(*before, |id| id), Some(*before)));
            table.insert(*id, || *id);
        }
        assert_eq!((table.len(), table.crowded.len(), table.places.len()), (1_000, 0, 1_024));
    }

    #[test]
    fn ids_that_all_meet_take_no_more_room_than_others() {
        let mut table = Table::default();
        let ids: Vec<_> = ids(1 << 16).into_iter().step_by(1 << 10).collect();
        ids.iter().for_each(|id| table.insert(*id, || *id));
        assert!(table.places.len() <= 2 * MOST_PLACES_EACH * ids.len(), "{}", table.places.len());
        assert!(ids.iter().all(|id| table.remove(*id, |id| id) == Some(*id)));
        assert_eq!(table.len(), 0);
    }

    proptest! {
        #[test]
        fn it_holds_what_a_map_holds(steps in prop::collection::vec((0_usize..4, 0_usize..200), 1..400)) {
            let (ids, mut table, mut map) = (ids(2_000), Table::default(), HashMap::new());
            for (step, chosen) in steps {
                // Some ids follow one another, others are far apart.
                let id = ids[if chosen < 100 { chosen } else { (chosen - 100) * 16 }];
                match step {
                    0 | 1 if !map.contains_key(&id) => {
                        table.insert(id, || id);
                        map.insert(id, id);
                    }
                    2 => prop_assert_eq!(table.remove(id, |id| id), map.remove(&id)),
                    3 if chosen.is_multiple_of(50) => {
                        let is_wanted = |id: &ExecutionId| low_half(id.task).is_multiple_of(3);
                        let taken = table.take_if(is_wanted);
                        prop_assert_eq!(taken.len(), map.extract_if(|_, id| is_wanted(id)).count());
                    }
                    _ => prop_assert_eq!(table.get(id), map.get(&id)),
                }
                prop_assert_eq!(table.get_mut(id), map.get_mut(&id));
                prop_assert_eq!((table.len(), table.values_mut().count()), (map.len(), map.len()));
            }
        }
    }
}
