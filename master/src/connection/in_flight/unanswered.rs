//! How long the starts that have no answer are waited for: one count for all of a moment, so that
//! a start costs no timer of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

/// Milliseconds between two moments: the patience with a start may last so much longer.
const GRAIN: u64 = 10;

/// When the patience with a start is over: counts grains from 1, 0 means never.
pub(super) type Moment = u32;

/// From when and until when a start is waited for; `None` is for ever.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) begun: Instant,
    pub(crate) until: Option<Instant>,
}

impl Patience {
    /// Begins to wait.
    pub(crate) fn new(begun: Instant, patience: Duration) -> Self {
        // Too far away to be told apart from never.
        Self { begun, until: begun.checked_add(patience) }
    }
}

/// The starts without an answer, counted by when the patience with them is over.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    /// Where the moments begin; anew whenever nobody waits, so that they never run out.
    begun: Option<Instant>,
    counts: BTreeMap<Moment, usize>,
    /// The moment that came last, apart: most starts end at the same one as the start before.
    last: Option<Last>,
}

/// A moment, and which times belong to it: above `after`, up to `until`.
#[derive(Clone, Copy, Debug)]
struct Last {
    after: Instant,
    until: Instant,
    moment: Moment,
    count: usize,
}

impl Unanswered {
    /// Waits for an answer, until then or for ever.
    pub(super) fn add(&mut self, patience: Patience) -> Moment {
        let Patience { begun, until: Some(until) } = patience else { return 0 };
        if let Some(last) = &mut self.last
            && last.after < until
            && until <= last.until
        {
            last.count += 1;
            return last.moment;
        }
        self.put_away();
        if self.counts.is_empty() {
            self.begun = None;
        }
        let begun = *self.begun.get_or_insert(begun);
        let moment = moment_of(until.saturating_duration_since(begun));
        if moment > 0 {
            let (after, until) = (begun + time_of(moment - 1), begun + time_of(moment));
            let count = self.counts.remove(&moment).unwrap_or(0) + 1;
            self.last = Some(Last { after, until, moment, count });
        }
        moment
    }

    /// Lets another moment be the last.
    fn put_away(&mut self) {
        if let Some(last) = self.last.take().filter(|last| last.count > 0) {
            self.counts.insert(last.moment, last.count);
        }
    }

    /// An answer came, or is waited for no more.
    pub(super) fn remove(&mut self, moment: Moment) {
        if moment == 0 {
            return;
        }
        if let Some(last) = self.last.as_mut().filter(|last| last.moment == moment) {
            last.count -= 1;
        } else if let Some(count) = self.counts.get_mut(&moment) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&moment);
            }
        }
    }

    /// When the patience with some is over.
    pub(super) fn next(&self) -> Option<Instant> {
        let last = self.last.iter().filter(|last| last.count > 0).map(|last| last.moment);
        let moment = self.counts.keys().next().copied().into_iter().chain(last).min()?;
        Some(self.begun? + time_of(moment))
    }

    /// The last moment that is over, if there is one.
    pub(super) fn over(&self, now: Instant) -> Option<Moment> {
        let passed = now.saturating_duration_since(self.begun?).as_millis() / u128::from(GRAIN);
        let passed = Moment::try_from(passed).unwrap_or(Moment::MAX);
        let last = self.last.iter().filter(|last| last.count > 0 && last.moment <= passed);
        let others = self.counts.range(..=passed).next_back().map(|(moment, _)| *moment);
        others.into_iter().chain(last.map(|last| last.moment)).max()
    }
}

fn time_of(moment: Moment) -> Duration {
    Duration::from_millis(u64::from(moment) * GRAIN)
}

/// The first moment at or after so much time; 0 when that is too far away to be told apart from
/// never.
fn moment_of(time: Duration) -> Moment {
    let millis = time
        .as_secs()
        .saturating_mul(1_000)
        .saturating_add(u64::from(time.subsec_nanos().div_ceil(1_000_000)));
    Moment::try_from(millis.div_ceil(GRAIN).max(1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_patience_beyond_all_moments_is_for_ever() {
        let mut unanswered = Unanswered::default();
        let far = Duration::from_secs(3_600 * 24 * 365 * 20);
        for patience in [far, Duration::MAX] {
            assert_eq!(unanswered.add(Patience::new(Instant::now(), patience)), 0);
        }
        assert_eq!(unanswered.next(), None);
    }

    proptest! {
        #[test]
        fn nobody_is_given_up_early_and_nobody_much_later(waits in prop::collection::vec(0_u64..20_000, 1..50)) {
            let mut unanswered = Unanswered::default();
            let now = Instant::now();
            let grain = Duration::from_millis(GRAIN);
            for wait in waits {
                let until = now + Duration::from_millis(wait);
                let moment = unanswered.add(Patience { begun: now, until: Some(until) });
                prop_assert!(moment > 0);
                let before = until.checked_sub(Duration::from_millis(1)).filter(|at| *at > now);
                let early = before.and_then(|before| unanswered.over(before));
                prop_assert!(early.is_none_or(|over| over < moment));
                prop_assert!(unanswered.over(until + grain) >= Some(moment));
                prop_assert!(unanswered.next() <= Some(until + grain));
            }
        }

        #[test]
        fn what_was_answered_leaves_nothing_behind(waits in prop::collection::vec(0_u64..20_000, 1..50)) {
            let mut unanswered = Unanswered::default();
            let now = Instant::now();
            let add = |wait| unanswered.add(Patience::new(now, Duration::from_millis(wait)));
            let moments: Vec<_> = waits.into_iter().map(add).collect();
            moments.into_iter().for_each(|moment| unanswered.remove(moment));
            prop_assert_eq!(unanswered.next(), None);
            unanswered.put_away();
            prop_assert!(unanswered.counts.is_empty());
        }
    }
}
