//! Which life of a master is the living one.
//!
//! Pure: a master that comes with an incarnation not seen before fences its former life, which is
//! not let in again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use selsyn_common::{Incarnation, MasterId};
use tokio::time::Instant;

/// How long a former life is refused.
const WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// Former lives of one master that are remembered; beyond it the oldest are forgotten.
const MAX_FENCED: usize = 1_024;

/// Masters that are remembered, 100 bytes each at the least; beyond it one that has no former life
/// is forgotten, or else the newcomer is not remembered.
const MAX_MASTERS: usize = 10_000;

/// The living and the former lives of each master.
#[derive(Debug, Default)]
pub(super) struct Fences(HashMap<MasterId, Lives>);

#[derive(Debug)]
struct Lives {
    living: Incarnation,
    former: VecDeque<(Incarnation, Instant)>,
}

/// What a Hello means for the lives of its master.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// It is the living one, or the first.
    Living,
    /// It takes the place of this one.
    Replaces(Incarnation),
    /// It is a former one: refuse it.
    Former,
}

impl Fences {
    /// Notes that a master has come.
    pub(super) fn hello(&mut self, master: MasterId, who: Incarnation, now: Instant) -> Life {
        if !self.0.contains_key(&master) {
            self.make_room();
            if self.0.len() < MAX_MASTERS {
                self.0.insert(master, Lives { living: who, former: VecDeque::new() });
            }
            return Life::Living;
        }
        let Some(lives) = self.0.get_mut(&master) else { return Life::Living };
        lives.former.retain(|(_, since)| now.saturating_duration_since(*since) < WINDOW);
        if lives.living == who {
            return Life::Living;
        }
        if lives.former.iter().any(|(former, _)| *former == who) {
            return Life::Former;
        }
        if lives.former.len() >= MAX_FENCED {
            lives.former.pop_front();
        }
        let replaced = std::mem::replace(&mut lives.living, who);
        lives.former.push_back((replaced, now));
        Life::Replaces(replaced)
    }

    /// Whether it is a former life of its master.
    pub(super) fn is_former(&self, master: MasterId, who: Incarnation) -> bool {
        let former = self.0.get(&master).map(|lives| &lives.former);
        former.is_some_and(|former| former.iter().any(|(former, _)| *former == who))
    }

    fn make_room(&mut self) {
        if self.0.len() >= MAX_MASTERS {
            self.0.retain(|_, lives| !lives.former.is_empty());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(n: u8) -> Incarnation {
        Incarnation::from_random([n; 16])
    }

    fn master(n: u128) -> MasterId {
        MasterId::from_random(n.to_be_bytes())
    }

    #[test]
    fn a_new_life_fences_the_former_one_for_a_day() {
        let (mut fences, now) = (Fences::default(), Instant::now());
        assert_eq!(fences.hello(master(1), who(1), now), Life::Living);
        assert_eq!(fences.hello(master(1), who(1), now), Life::Living);
        assert_eq!(fences.hello(master(1), who(2), now), Life::Replaces(who(1)));
        assert_eq!(fences.hello(master(1), who(1), now), Life::Former);
        assert_eq!(fences.hello(master(2), who(1), now), Life::Living, "another master's");
        assert_eq!(fences.hello(master(1), who(1), now + WINDOW), Life::Replaces(who(2)));
    }

    #[test]
    fn many_masters_and_many_lives_are_bounded() {
        let (mut fences, now) = (Fences::default(), Instant::now());
        for n in 0..=MAX_FENCED as u128 + 1 {
            fences.hello(master(0), Incarnation::from_random(n.to_be_bytes()), now);
        }
        assert_eq!(fences.0[&master(0)].former.len(), MAX_FENCED);
        (1..20_000).for_each(|n| {
            fences.hello(master(n), who(1), now);
        });
        assert!(fences.0.len() <= MAX_MASTERS && fences.0.contains_key(&master(0)));
    }
}
