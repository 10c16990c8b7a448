//! Which faults follow each other, drawn from a seed.

use std::ops::Range;
use std::time::Duration;

use super::fault::{Direction, Ending, Fault};
use crate::Random;

/// One step of a [`Plan`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What goes wrong.
    pub fault: Fault,
    /// How long a fault that lasts is left alone before it is healed.
    pub lasts: Duration,
    /// The quiet time after it.
    pub pause: Duration,
}

/// A list of faults that follows from a seed: the same seed, the same list.
///
/// ```
/// use selsyn_testing::Plan;
///
/// let plan = Plan::cuts(7, 100, 50_000);
/// assert_eq!(plan.steps().len(), 100);
/// assert_eq!(plan.steps(), Plan::cuts(7, 100, 50_000).steps());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan(Vec<Planned>);

const DIRECTIONS: [Direction; 2] = [Direction::ToSlave, Direction::ToMaster];
const ENDINGS: [Ending; 3] = [Ending::Reset, Ending::Close, Ending::HalfClose];

impl Plan {
    /// These faults, in this order.
    pub fn new(steps: impl IntoIterator<Item = Planned>) -> Self {
        Self(steps.into_iter().collect())
    }

    /// Cuts in either direction, in each of the three ways, each after up to `within` bytes.
    pub fn cuts(seed: u64, count: usize, within: u64) -> Self {
        Self::drawn(seed, count, |random| Planned {
            fault: cut(random, within),
            lasts: Duration::ZERO,
            pause: Duration::ZERO,
        })
    }

    /// Stalls of one direction, each for a time of the range and followed by as long a pause.
    pub fn stalls(seed: u64, count: usize, lasts: Range<Duration>) -> Self {
        Self::drawn(seed, count, |random| {
            lasting(Fault::Stall(*random.pick(&DIRECTIONS)), random, &lasts)
        })
    }

    /// Black holes, each for a time of the range and followed by as long a pause.
    pub fn black_holes(seed: u64, count: usize, lasts: Range<Duration>) -> Self {
        Self::drawn(seed, count, |random| lasting(Fault::BlackHole, random, &lasts))
    }

    /// Faults of every kind, each for a time of the range and followed by as long a pause. A
    /// duplicate is followed by a reset, so that there is a connect to be doubled.
    pub fn swarm(seed: u64, count: usize, lasts: Range<Duration>) -> Self {
        let mut doubles = false;
        Self::drawn(seed, count, |random| {
            let fault = if doubles { Fault::Reset } else { any(random, &lasts) };
            doubles = matches!(fault, Fault::DuplicateConnect { .. });
            lasting(fault, random, &lasts)
        })
    }

    /// The faults, in order.
    pub fn steps(&self) -> &[Planned] {
        &self.0
    }

    fn drawn(seed: u64, count: usize, mut draw: impl FnMut(&mut Random) -> Planned) -> Self {
        let mut random = Random::new(seed);
        Self((0..count).map(|_| draw(&mut random)).collect())
    }
}

fn lasting(fault: Fault, random: &mut Random, lasts: &Range<Duration>) -> Planned {
    Planned { fault, lasts: random.duration(lasts), pause: random.duration(lasts) }
}

fn cut(random: &mut Random, within: u64) -> Fault {
    Fault::CutAfter {
        direction: *random.pick(&DIRECTIONS),
        bytes: random.between(0..within.max(1)),
        ending: *random.pick(&ENDINGS),
    }
}

fn any(random: &mut Random, lasts: &Range<Duration>) -> Fault {
    match random.between(0..9) {
        0 => Fault::Delay { by: random.duration(lasts) / 8, jitter: random.duration(lasts) / 8 },
        1 => Fault::Slow { bytes_per_second: random.between(20_000..2_000_000) },
        2 => Fault::Slice,
        3 => Fault::Stall(*random.pick(&DIRECTIONS)),
        4 => Fault::BlackHole,
        5 => Fault::Reset,
        6 => Fault::HalfClose(*random.pick(&DIRECTIONS)),
        7 => Fault::DuplicateConnect { bytes: 4_096 },
        _ => cut(random, 100_000),
    }
}
