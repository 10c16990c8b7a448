//! When a group of tasks has done what it was started for.
//!
//! Pure: the running group carries ends in and acts on what comes out.

use std::fmt;

/// How many members must complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    All,
    Any,
    First(usize),
    Quorum,
}

impl Policy {
    /// How many of `members` must complete.
    pub(crate) const fn needed(self, members: usize) -> usize {
        match self {
            Self::All => members,
            Self::Any => 1,
            Self::First(n) => n,
            Self::Quorum => members / 2 + 1,
        }
    }

    /// The same in words: `all 8 had to complete`.
    pub(crate) fn demand(self, members: usize) -> Demand {
        Demand { policy: self, members }
    }
}

/// What a policy demands of a group, in words.
pub(crate) struct Demand {
    policy: Policy,
    members: usize,
}

impl fmt::Display for Demand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let needed = self.policy.needed(self.members);
        match self.policy {
            Policy::All => write!(f, "all {needed} had to complete"),
            Policy::Any | Policy::First(_) => write!(f, "{needed} had to complete"),
            Policy::Quorum => write!(f, "{needed}, a majority, had to complete"),
        }
    }
}

/// What is known of the group as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// It may still go either way.
    Open,
    /// Enough members have completed.
    Reached,
    /// Too many have failed for enough to complete.
    Missed,
}

/// Who has ended so far, and what that means.
#[derive(Clone, Debug)]
pub(crate) struct Tally {
    members: usize,
    needed: usize,
    completed: usize,
    /// Those that did not complete, in the order in which they ended.
    failed: Vec<usize>,
    decision: Decision,
}

impl Tally {
    pub(crate) fn new(policy: Policy, members: usize) -> Self {
        let needed = policy.needed(members);
        Self { members, needed, completed: 0, failed: Vec::new(), decision: Decision::Open }
    }

    /// A member has ended. Gives the decision if it was this end that brought it.
    pub(crate) fn ended(&mut self, member: usize, has_completed: bool) -> Option<Decision> {
        if has_completed {
            self.completed += 1;
        } else {
            self.failed.push(member);
        }
        if self.decision != Decision::Open {
            return None;
        }
        self.decision = self.decide();
        (self.decision != Decision::Open).then_some(self.decision)
    }

    fn decide(&self) -> Decision {
        if self.completed >= self.needed {
            Decision::Reached
        } else if self.failed.len() > self.members - self.needed {
            Decision::Missed
        } else {
            Decision::Open
        }
    }

    pub(crate) const fn decision(&self) -> Decision {
        self.decision
    }

    /// Those that did not complete, in the order in which they ended.
    pub(crate) fn failed(&self) -> &[usize] {
        &self.failed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn policy(members: usize) -> impl Strategy<Value = Policy> {
        prop_oneof![
            Just(Policy::All),
            Just(Policy::Any),
            Just(Policy::Quorum),
            (1..=members).prop_map(Policy::First),
        ]
    }

    fn group() -> impl Strategy<Value = (Policy, Vec<bool>)> {
        (1..20usize).prop_flat_map(|n| (policy(n), prop::collection::vec(any::<bool>(), n)))
    }

    #[test]
    fn a_majority_of_eight_is_five_and_of_three_is_two() {
        assert_eq!([8, 3, 1].map(|members| Policy::Quorum.needed(members)), [5, 2, 1]);
    }

    proptest! {
        #[test]
        fn a_group_is_decided_once_and_as_its_policy_says((policy, ends) in group()) {
            let mut tally = Tally::new(policy, ends.len());
            let told: Vec<_> = ends
                .iter()
                .enumerate()
                .filter_map(|(member, completed)| tally.ended(member, *completed))
                .collect();
            let completed = ends.iter().filter(|completed| **completed).count();
            let is_reached = completed >= policy.needed(ends.len());
            let wanted = if is_reached { Decision::Reached } else { Decision::Missed };
            prop_assert_eq!(told, vec![wanted]);
            prop_assert_eq!(tally.decision(), wanted);
        }

        #[test]
        fn a_group_is_decided_as_soon_as_nothing_can_change_it((policy, ends) in group()) {
            let mut tally = Tally::new(policy, ends.len());
            let needed = policy.needed(ends.len());
            for (member, completed) in ends.iter().enumerate() {
                tally.ended(member, *completed);
                let done = ends[..=member].iter().filter(|completed| **completed).count();
                let left = ends.len() - member - 1;
                let is_open = done < needed && done + left >= needed;
                prop_assert_eq!(tally.decision() == Decision::Open, is_open);
            }
        }

        #[test]
        fn failures_are_kept_in_the_order_in_which_they_came(
            order in (1..20usize).prop_flat_map(|n| Just((0..n).collect::<Vec<_>>()).prop_shuffle())
        ) {
            let mut tally = Tally::new(Policy::All, order.len());
            for member in &order {
                tally.ended(*member, false);
            }
            prop_assert_eq!(tally.failed(), order);
        }
    }
}
