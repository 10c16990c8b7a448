//! Decides what the bytes of one direction of one connection may do now. Pure: time, the faults
//! in force and the waiting bytes are arguments.

use std::time::Duration;

use tokio::time::Instant;

use super::fault::{Direction, Ending, Fault, FaultKind};
use crate::Random;

/// Pieces a second in which a slow connection passes its bytes.
const SLOW_PIECES: u64 = 50;

/// A cut that this direction will make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) kind: FaultKind,
    pub(super) direction: Direction,
    /// The bytes that may still pass.
    pub(super) bytes: u64,
    pub(super) ending: Ending,
}

/// In place of a moment that no clock can tell: longer than a test.
const NEVER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What to do with the bytes that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing passes until the faults change.
    Hold,
    /// So many bytes pass, then nothing for the pause.
    Pass { bytes: usize, pause: Duration },
    /// The connection ends.
    End(Ending),
}

/// One direction of one connection.
#[derive(Debug)]
pub(super) struct Flow {
    direction: Direction,
    random: Random,
    /// No byte arrives before one that was sent earlier.
    last_due: Option<Instant>,
}

impl Flow {
    pub(super) const fn new(direction: Direction, random: Random) -> Self {
        Self { direction, random, last_due: None }
    }

    pub(super) const fn direction(&self) -> Direction {
        self.direction
    }

    /// When bytes that are read now may pass, with the faults that delay them.
    pub(super) fn due(&mut self, now: Instant, lasting: &[Fault]) -> Instant {
        let delays = lasting.iter().filter_map(|fault| match *fault {
            Fault::Delay { by, jitter } => Some((by, jitter)),
            _ => None,
        });
        let mut due = now;
        for (by, jitter) in delays {
            let delay = by.saturating_add(self.random.duration(&(Duration::ZERO..jitter)));
            due = due.checked_add(delay).unwrap_or(due + NEVER);
        }
        let due = self.last_due.map_or(due, |last| last.max(due));
        self.last_due = Some(due);
        due
    }

    /// What may happen to `waiting` bytes, which is above 0 when there is anything to pass, and
    /// which kinds of faults made it so.
    pub(super) fn step(
        &self,
        waiting: usize,
        lasting: &[Fault],
        cut: Option<&Cut>,
    ) -> (Step, Vec<FaultKind>) {
        if let Some(held) = lasting.iter().find(|fault| stops(fault, self.direction)) {
            let felt = (waiting > 0).then_some(held.kind());
            return (Step::Hold, felt.into_iter().collect());
        }
        match cut {
            Some(cut) if cut.bytes == 0 => return (Step::End(cut.ending), vec![cut.kind]),
            _ if waiting == 0 => return (Step::Hold, Vec::new()),
            _ => {}
        }
        let (mut bytes, mut pause, mut felt) = (waiting, Duration::ZERO, Vec::new());
        for fault in lasting {
            match *fault {
                Fault::Slice => bytes = 1,
                Fault::Slow { bytes_per_second } => {
                    let rate = bytes_per_second.max(1);
                    bytes = bytes.min(usize::try_from(rate / SLOW_PIECES).unwrap_or(bytes).max(1));
                    pause = Duration::from_secs_f64(bytes as f64 / rate as f64);
                }
                Fault::Delay { .. } => {}
                _ => continue,
            }
            felt.push(fault.kind());
        }
        if let Some(cut) = cut {
            bytes = bytes.min(usize::try_from(cut.bytes).unwrap_or(bytes));
        }
        (Step::Pass { bytes, pause }, felt)
    }
}

/// Whether nothing passes this way while the fault lasts.
pub(super) fn stops(fault: &Fault, direction: Direction) -> bool {
    *fault == Fault::BlackHole || *fault == Fault::Stall(direction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow::new(Direction::ToSlave, Random::new(1))
    }

    fn passes(bytes: usize) -> Step {
        Step::Pass { bytes, pause: Duration::ZERO }
    }

    #[test]
    fn without_a_fault_everything_passes_at_once() {
        let mut flow = flow();
        let now = Instant::now();
        assert_eq!(flow.due(now, &[]), now);
        assert_eq!(flow.step(10, &[], None), (passes(10), vec![]));
    }

    #[test]
    fn a_stall_holds_its_own_direction_and_counts_only_when_bytes_wait() {
        let stalled = [Fault::Stall(Direction::ToSlave)];
        assert_eq!(flow().step(0, &stalled, None), (Step::Hold, vec![]));
        assert_eq!(flow().step(3, &stalled, None), (Step::Hold, vec![FaultKind::Stall]));
        let other = [Fault::Stall(Direction::ToMaster)];
        assert_eq!(flow().step(3, &other, None), (passes(3), vec![]));
    }

    #[test]
    fn a_cut_lets_exactly_its_bytes_pass_and_waits_for_a_stall_to_end() {
        let mut cut = Cut {
            kind: FaultKind::Cut,
            direction: Direction::ToSlave,
            bytes: 4,
            ending: Ending::Close,
        };
        assert_eq!(flow().step(10, &[], Some(&cut)).0, passes(4));
        cut.bytes = 0;
        assert_eq!(
            flow().step(0, &[], Some(&cut)),
            (Step::End(Ending::Close), vec![FaultKind::Cut])
        );
        assert_eq!(flow().step(6, &[Fault::BlackHole], Some(&cut)).0, Step::Hold);
    }

    #[test]
    fn slices_are_single_bytes_and_slow_is_as_slow_as_it_says() {
        assert_eq!(flow().step(10, &[Fault::Slice], None), (passes(1), vec![FaultKind::Slice]));
        let slow = [Fault::Slow { bytes_per_second: 1_000 }];
        let (step, felt) = flow().step(500, &slow, None);
        assert_eq!(step, Step::Pass { bytes: 20, pause: Duration::from_millis(20) });
        assert_eq!(felt, [FaultKind::Slow]);
    }

    #[test]
    fn a_delay_keeps_the_order_whatever_the_jitter() {
        let (by, jitter) = (Duration::from_millis(10), Duration::from_millis(100));
        let (mut flow, now) = (flow(), Instant::now());
        let due: Vec<_> = (0..50).map(|_| flow.due(now, &[Fault::Delay { by, jitter }])).collect();
        assert!(due.is_sorted());
        assert!(due.iter().all(|due| (by..by + jitter).contains(&(*due - now))));
    }
}
