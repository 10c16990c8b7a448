//! Which executions were here and are kept no more.

use selsyn_common::ExecutionId;

/// The last ids that were forgotten. Cheap to add to, as every task does; looked through from end
/// to end when somebody asks for an id that is not here, which is seldom.
#[derive(Debug)]
pub(super) struct Gone<const MAX: usize> {
    ids: Vec<ExecutionId>,
    /// Where the oldest is, once there are as many as are remembered.
    oldest: usize,
}

impl<const MAX: usize> Default for Gone<MAX> {
    fn default() -> Self {
        Self { ids: Vec::new(), oldest: 0 }
    }
}

impl<const MAX: usize> Gone<MAX> {
    pub(super) fn add(&mut self, id: ExecutionId) {
        if self.ids.len() < MAX {
            return self.ids.push(id);
        }
        self.ids[self.oldest] = id;
        self.oldest = if self.oldest + 1 == MAX { 0 } else { self.oldest + 1 };
    }

    pub(super) fn contains(&self, id: ExecutionId) -> bool {
        self.ids.contains(&id)
    }
}

#[cfg(test)]
mod tests {
    use selsyn_common::TaskId;

    use super::*;

    #[test]
    fn as_many_as_were_said_are_remembered_and_the_oldest_is_forgotten_first() {
        let id = |n: u8| ExecutionId::first(TaskId::from_random([n; 16]));
        let mut gone = Gone::<3>::default();
        for n in 1..=5 {
            gone.add(id(n));
            let remembered: Vec<_> = (1..=5).filter(|n| gone.contains(id(*n))).collect();
            assert_eq!(remembered, (n.saturating_sub(2).max(1)..=n).collect::<Vec<_>>());
        }
    }
}
