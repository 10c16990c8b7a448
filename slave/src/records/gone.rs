//! Which executions were here and are kept no more.

use std::collections::VecDeque;

use selsyn_common::{ExecutionId, TaskId};

/// The last ids that were forgotten. Cheap to add to, as every task does; looked through from end
/// to end when somebody asks for an id that is not here, which is seldom.
#[derive(Debug, Default)]
pub(super) struct Gone<const MAX: usize> {
    /// The oldest first.
    runs: VecDeque<Run>,
    /// How many ids they are.
    count: usize,
}

/// Ids that are counted up and went one after another, as most do: to note each of them would
/// write into memory that no core has near.
#[derive(Debug)]
struct Run {
    first: ExecutionId,
    count: u32,
}

impl<const MAX: usize> Gone<MAX> {
    pub(super) fn add(&mut self, id: ExecutionId) {
        match self.runs.back_mut() {
            Some(last) if last.place(id) == Some(u64::from(last.count)) => last.count += 1,
            _ => self.runs.push_back(Run { first: id, count: 1 }),
        }
        self.count += 1;
        if self.count > MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(mut oldest) = self.runs.pop_front() else { return };
        self.count -= 1;
        if oldest.count > 1 {
            let (high, low) = oldest.first.task.halves();
            oldest.first.task = TaskId::from_halves(high, low.wrapping_add(1));
            oldest.count -= 1;
            self.runs.push_front(oldest);
        }
    }

    pub(super) fn contains(&self, id: ExecutionId) -> bool {
        let is_in = |run: &Run| run.place(id).is_some_and(|place| place < u64::from(run.count));
        self.runs.iter().any(is_in)
    }
}

impl Run {
    /// How many ids are counted up from the first one to this one, if it is one of them.
    #[inline]
    fn place(&self, id: ExecutionId) -> Option<u64> {
        let ((high, low), (first_high, first_low)) = (id.task.halves(), self.first.task.halves());
        let is_alike = high == first_high && id.attempt == self.first.attempt;
        is_alike.then(|| low.wrapping_sub(first_low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(high: u8, low: u64, attempt: u32) -> ExecutionId {
        ExecutionId { task: TaskId::from_halves(high.into(), low), attempt }
    }

    fn oldest_goes_first(ids: &[ExecutionId]) {
        let mut gone = Gone::<3>::default();
        for (last, added) in ids.iter().enumerate() {
            gone.add(*added);
            let remembered: Vec<_> = ids.iter().filter(|id| gone.contains(**id)).collect();
            let expected: Vec<_> = ids[(last + 1).saturating_sub(3)..=last].iter().collect();
            assert_eq!(remembered, expected);
        }
    }

    #[test]
    fn as_many_as_were_said_are_remembered_and_the_oldest_is_forgotten_first() {
        let counted_up: Vec<_> = (1..=7).map(|low| id(1, low, 1)).collect();
        oldest_goes_first(&counted_up);
        let around: Vec<_> = (0..5).map(|n| id(1, (u64::MAX - 1).wrapping_add(n), 1)).collect();
        oldest_goes_first(&around);
        let backwards: Vec<_> = counted_up.iter().rev().copied().collect();
        oldest_goes_first(&backwards);
        oldest_goes_first(&[1, 2, 9, 4, 5, 6, 3].map(|low| id(1, low, 1)));
        oldest_goes_first(&[id(1, 1, 1), id(2, 2, 1), id(2, 3, 2), id(2, 4, 2), id(1, 5, 2)]);
    }
}
