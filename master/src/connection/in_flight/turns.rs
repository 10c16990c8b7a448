//! When starts began that did not look at the clock: it costs a good part of a small task.
//!
//! Many tasks that end together are followed by as many starts, in the same turn of the runtime.
//! These take for their beginning when the turn began, and have a margin more of patience. Where a
//! turn lasts longer than that, it is noted by how much, so that none is given up early.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::moment::{Epoch, Moment};

/// Longer than a turn takes as a rule, and short beside any patience.
const MARGIN: Duration = Duration::from_millis(5);

/// Long turns that are noted; while there are more, every start looks at the clock itself.
const MOST: usize = 1_024;

/// The turns of one connection.
#[derive(Default)]
pub(crate) struct Turns {
    pub(super) epoch: Epoch,
    /// When the present one began, if there is one.
    begun: Option<(Instant, Moment)>,
    /// Long ones: when the patience is over with what was started in one, and when it is in truth.
    long: VecDeque<(Moment, Moment)>,
}

impl Turns {
    /// A turn began a moment ago.
    pub(crate) fn begins(&mut self, now: Instant) {
        self.begun = (self.long.len() < MOST).then(|| (now, self.epoch.moment(now)));
    }

    /// The turn is over, if there was one. Starts in it had this patience.
    pub(crate) fn ends(&mut self, patience: Duration, now: impl FnOnce() -> Instant) {
        let Some((begun, at)) = self.begun.take() else { return };
        let now = now();
        if now - begun > MARGIN
            && let Some(until) = over(at, patience)
            && let Some(in_truth) = self.epoch.moment(now).after(patience)
        {
            self.long.push_back((until, in_truth));
        }
    }

    /// When a start begins, and when the patience with it is over; `None` is too far away to be
    /// told apart from never.
    #[inline]
    pub(crate) fn start(&self, patience: Duration) -> (Instant, Option<Moment>) {
        match self.begun {
            Some((begun, at)) => (begun, over(at, patience)),
            None => {
                let now = Instant::now();
                (now, self.until(now, patience))
            }
        }
    }

    /// When the patience is over with a start that began at this moment.
    pub(crate) fn until(&self, begun: Instant, patience: Duration) -> Option<Moment> {
        self.epoch.moment(begun).after(patience)
    }

    /// When the patience is over in truth that would be over at `until`.
    pub(super) fn in_truth(&self, until: Moment) -> Moment {
        let noted = self.long.binary_search_by_key(&until, |(until, _)| *until);
        noted.map_or(until, |at| self.long[at].1)
    }

    /// Nothing has a patience any more that is over before this moment.
    pub(super) fn forget(&mut self, now: Moment) {
        self.long.retain(|(until, _)| *until > now);
    }
}

#[inline]
fn over(begun: Moment, patience: Duration) -> Option<Moment> {
    begun.after(patience)?.after(MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[test]
    fn no_start_is_given_up_early_however_long_its_turn_takes() {
        let (mut turns, mut now) = (Turns::default(), Instant::now());
        for millis in [0, 1, 5, 6, 1_000, 3] {
            let length = Duration::from_millis(millis);
            turns.begins(now);
            let (begun, until) = turns.start(PATIENCE);
            let end = now + length;
            turns.ends(PATIENCE, || end);
            let until = turns.epoch.instant(turns.in_truth(until.unwrap()));
            assert_eq!(begun, now);
            assert!(until >= end + PATIENCE && until <= end + PATIENCE + MARGIN, "{millis}");
            now = end + Duration::from_millis(1);
        }
        assert_eq!(turns.long.len(), 2);
        turns.forget(turns.epoch.moment(now + PATIENCE + MARGIN));
        assert!(turns.long.is_empty());
    }

    #[test]
    fn a_start_between_turns_looks_at_the_clock() {
        let (mut turns, before) = (Turns::default(), Instant::now());
        turns.begins(before);
        turns.ends(PATIENCE, || before);
        let (begun, until) = turns.start(PATIENCE);
        assert!(begun >= before && until == turns.until(begun, PATIENCE));
        turns.begins(before);
        assert_eq!(turns.start(Duration::MAX), (before, None));
    }

    #[test]
    fn so_many_long_turns_and_no_more_are_noted() {
        let (mut turns, mut now) = (Turns::default(), Instant::now());
        for _ in 0..2 * MOST {
            turns.begins(now);
            now += 2 * MARGIN;
            turns.ends(PATIENCE, || now);
        }
        assert_eq!((turns.long.len(), turns.begun), (MOST, None));
    }
}
