//! Which ids were cancelled before they came, and therefore never may.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use selsyn_common::{ExecutionId, MasterId};
use tokio::time::Instant;

/// How long an id stays forbidden.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// How many ids are remembered: 32 MB at the most. Beyond it the oldest are forgotten.
const MAX: usize = 1_000_000;

/// An id, and the master that cancelled it: nobody forbids another master's work.
pub(crate) type Owned = (MasterId, ExecutionId);

/// The forbidden ids, as all sessions share them.
#[derive(Debug, Default)]
pub(crate) struct ForbiddenIds {
    /// Something was forbidden once: until then nobody takes the lock.
    any: AtomicBool,
    ids: Mutex<Forbidden>,
}

impl ForbiddenIds {
    pub(crate) fn add(&self, id: Owned, now: Instant) {
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.store(true, Ordering::Release);
        ids.add(id, now);
    }

    #[inline]
    pub(crate) fn contains(&self, id: Owned) -> bool {
        self.any.load(Ordering::Acquire) && self.is_among(id)
    }

    #[inline(never)]
    fn is_among(&self, id: Owned) -> bool {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).contains(id)
    }
}

/// The ids that must never run.
#[derive(Debug, Default)]
struct Forbidden {
    since: VecDeque<(Instant, Owned)>,
    ids: HashSet<Owned>,
}

impl Forbidden {
    fn add(&mut self, id: Owned, now: Instant) {
        self.forget_old(now);
        if self.ids.insert(id) {
            self.since.push_back((now, id));
        }
    }

    fn contains(&self, id: Owned) -> bool {
        !self.ids.is_empty() && self.ids.contains(&id)
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((since, id)) = self.since.front() {
            if self.since.len() < MAX && now.saturating_duration_since(*since) < WINDOW {
                return;
            }
            self.ids.remove(id);
            self.since.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use selsyn_common::TaskId;

    use super::*;

    #[test]
    fn an_id_stays_forbidden_for_the_window_and_no_longer() {
        let owner = MasterId::from_random([0; 16]);
        let id = |n| (owner, ExecutionId::first(TaskId::from_random([n; 16])));
        let start = Instant::now();
        let mut forbidden = Forbidden::default();
        forbidden.add(id(1), start);
        forbidden.add(id(2), start + WINDOW / 2);
        assert!(forbidden.contains(id(1)));
        forbidden.add(id(3), start + WINDOW);
        assert!(!forbidden.contains(id(1)) && forbidden.contains(id(2)));
    }
}
