//! Moments of one word: there may be a million of them, and what is moved by the word is not
//! waited for when it is read.

use std::num::NonZeroU64;
use std::time::Duration;

use tokio::time::Instant;

/// Nanoseconds of a second.
const NANOS: u64 = 1_000_000_000;

/// Nanoseconds since an epoch, and one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(NonZeroU64);

impl Moment {
    /// So much later; `None` is too far away to be told apart from never.
    #[inline]
    pub(super) fn after(self, time: Duration) -> Option<Self> {
        let nanos = time.as_secs().checked_mul(NANOS)?.checked_add(time.subsec_nanos().into())?;
        self.0.checked_add(nanos).map(Self)
    }
}

/// Where moments are counted from.
pub(super) struct Epoch(Instant);

impl Default for Epoch {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Epoch {
    /// An instant from the epoch on; one before it counts as the epoch, one in 500 years as then.
    pub(super) fn moment(&self, at: Instant) -> Moment {
        let since = at.saturating_duration_since(self.0);
        Moment(NonZeroU64::MIN).after(since).unwrap_or(Moment(NonZeroU64::MAX))
    }

    /// The instant that a moment was made of.
    pub(super) fn instant(&self, of: Moment) -> Instant {
        self.0 + Duration::from_nanos(of.0.get() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_as_it_was_written() {
        let epoch = Epoch::default();
        for nanos in [0, 1, NANOS - 1, NANOS, u64::from(u32::MAX) * NANOS] {
            let at = epoch.0 + Duration::from_nanos(nanos);
            assert_eq!(epoch.instant(epoch.moment(at)), at);
        }
        let before = epoch.0.checked_sub(Duration::from_secs(1)).unwrap_or(epoch.0);
        assert_eq!(epoch.instant(epoch.moment(before)), epoch.0);
    }
}
