//! How long an execution is kept after nobody holds it any more.
//!
//! Until its result is taken, or nobody can come back for it, an execution is pinned by its
//! session and not in here.

use std::collections::VecDeque;
use std::time::Duration;

use selsyn_common::ExecutionId;

/// What is kept: whichever comes first lets the oldest go. Whoever looks lets go first, so that the age
/// needs no timer: the other two bound what stays in memory where nobody does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RetentionLimits {
    pub(crate) age: Duration,
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

/// The executions that are kept, in the order in which they go.
#[derive(Debug)]
pub(crate) struct Retention {
    limits: RetentionLimits,
    held: VecDeque<Held>,
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    id: ExecutionId,
    bytes: usize,
    /// The slave's time, in microseconds.
    since: u64,
}

impl Retention {
    pub(crate) const fn new(limits: RetentionLimits) -> Self {
        Self { limits, held: VecDeque::new(), bytes: 0 }
    }

    /// Keeps an execution of so many bytes from now on.
    pub(crate) fn keep(&mut self, id: ExecutionId, bytes: usize, now: u64) {
        self.held.push_back(Held { id, bytes, since: now });
        self.bytes += bytes;
    }

    /// The next one that is kept no more, if there is one.
    pub(crate) fn next_to_go(&mut self, now: u64) -> Option<ExecutionId> {
        let oldest = self.held.front()?;
        let is_old = u128::from(now.saturating_sub(oldest.since)) >= self.limits.age.as_micros();
        // One that is too large by itself takes the others' place, but not its own.
        let is_over = self.held.len() > self.limits.records
            || (self.held.len() > 1 && self.bytes > self.limits.bytes);
        if !is_old && !is_over {
            return None;
        }
        let gone = self.held.pop_front()?;
        self.bytes -= gone.bytes;
        Some(gone.id)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use selsyn_common::TaskId;

    use super::*;

    fn id(n: u128) -> ExecutionId {
        ExecutionId::first(TaskId::from_random(n.to_be_bytes()))
    }

    proptest! {
        #[test]
        fn the_oldest_go_first_and_only_those_that_a_limit_lets_go(
            steps in prop::collection::vec((0_u64..40, 0_usize..50), 0..200),
            age in 1_u64..200, records in 0_usize..20, bytes in 0_usize..300,
        ) {
            let age_limit = Duration::from_micros(age);
            let mut retention = Retention::new(RetentionLimits { age: age_limit, records, bytes });
            let (mut model, mut now) = (VecDeque::new(), 0);
            for (n, (later, size)) in steps.into_iter().enumerate() {
                now += later;
                retention.keep(id(n as u128), size, now);
                model.push_back((id(n as u128), size, now));
                loop {
                    let sum: usize = model.iter().map(|(_, size, _)| size).sum();
                    let goes = model.front().filter(|(_, _, since)| {
                        now - since >= age || model.len() > records || (model.len() > 1 && sum > bytes)
                    });
                    let expected = goes.map(|(id, ..)| *id);
                    prop_assert_eq!(retention.next_to_go(now), expected);
                    if expected.is_none() {
                        break;
                    }
                    model.pop_front();
                }
            }
        }
    }
}
