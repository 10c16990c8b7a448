//! Which tasks ended LOST, and may be heard of after all.

use std::collections::{HashSet, VecDeque};

use selsyn_common::ExecutionId;

/// Tasks that are remembered; beyond it the oldest are forgotten, and a verdict that still comes
/// is logged only.
const MAX: usize = 100_000;

/// The tasks of one connection that ended LOST.
#[derive(Debug, Default)]
pub(super) struct Late {
    order: VecDeque<ExecutionId>,
    ids: HashSet<ExecutionId>,
}

impl Late {
    pub(super) fn add(&mut self, id: ExecutionId) {
        if self.order.len() >= MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        if self.ids.insert(id) {
            self.order.push_back(id);
        }
    }

    pub(super) fn contains(&self, id: ExecutionId) -> bool {
        self.ids.contains(&id)
    }

    /// Whether the task was one of them; once.
    pub(super) fn take(&mut self, id: ExecutionId) -> bool {
        self.ids.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use selsyn_common::TaskId;

    use super::*;

    #[test]
    fn a_late_verdict_is_told_once_and_the_oldest_are_forgotten() {
        let id = |n: usize| ExecutionId::first(TaskId::from_random((n as u128).to_be_bytes()));
        let mut late = Late::default();
        (0..=MAX).for_each(|n| late.add(id(n)));
        assert!(!late.take(id(0)), "forgotten");
        assert!(late.take(id(1)) && !late.take(id(1)));
    }
}
