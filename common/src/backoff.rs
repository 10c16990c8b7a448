//! How long to wait before the next attempt?

use std::time::Duration;

use thiserror::Error;

/// Delays between attempts: each twice the one before, up to a limit, each blurred by chance.
///
/// ```text
/// max   5 s  ┤                          ┌────── every further delay
///       …    ┤                    ┌─────┘
///     400 ms ┤              ┌─────┘             each one ±20 %, so that peers
///     200 ms ┤        ┌─────┘                   that failed together do not
/// first 100 ms ───────┘                         come back together
///            attempt  1     2     3     …       reset() begins anew
/// ```
///
/// It sleeps for nobody and draws no numbers: the caller passes each draw in and does the
/// waiting. Call [`reset`](Self::reset) after real contact, not after a mere connection.
///
/// ```
/// use std::time::Duration;
/// use selsyn_common::Backoff;
///
/// let mut backoff = Backoff::try_new(Duration::from_millis(100), Duration::from_secs(5), 0.2)?;
/// assert_eq!(backoff.next_delay(0.5), Duration::from_millis(100));
/// assert_eq!(backoff.next_delay(0.5), Duration::from_millis(200));
/// assert_eq!(backoff.next_delay(0.0), Duration::from_millis(320)); // 400 ms − 20 %
/// backoff.reset();
/// assert_eq!(backoff.next_delay(1.0), Duration::from_millis(120)); // 100 ms + 20 %
/// # Ok::<(), selsyn_common::BackoffError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    jitter: f64,
    next: Duration,
}

/// Why a backoff cannot have these settings.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum BackoffError {
    /// A first delay of zero would stay zero, and the attempts become a busy loop.
    #[error("the first delay is zero")]
    ZeroFirst,
    /// The longest delay is shorter than the first.
    #[error("the longest delay of {max:?} is shorter than the first of {first:?}")]
    MaxBelowFirst {
        /// The first delay as given.
        first: Duration,
        /// The longest delay as given.
        max: Duration,
    },
    /// The jitter is negative, no number, or so large that a delay could vanish.
    #[error("bad jitter {jitter}: use 0 or more and less than 1")]
    BadJitter {
        /// The jitter as given.
        jitter: f64,
    },
}

impl BackoffError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        crate::ErrorCode::SettingInvalid.as_str()
    }
}

impl Backoff {
    /// Makes a backoff that begins with `first` and doubles up to `max`.
    ///
    /// `jitter`: share by which chance lengthens or shortens each delay, from 0.0 (not at all)
    /// to below 1.0. A delay can thus be longer than `max`, by that share.
    ///
    /// # Errors
    ///
    /// [`BackoffError`] when `first` is zero, `max` is below `first`, or `jitter` is negative,
    /// 1.0 or more, or not a number.
    pub fn try_new(first: Duration, max: Duration, jitter: f64) -> Result<Self, BackoffError> {
        if first.is_zero() {
            return Err(BackoffError::ZeroFirst);
        }
        if max < first {
            return Err(BackoffError::MaxBelowFirst { first, max });
        }
        // NaN is in no range.
        if !(0.0..1.0).contains(&jitter) {
            return Err(BackoffError::BadJitter { jitter });
        }
        Ok(Self { first, max, jitter, next: first })
    }

    /// Takes the next delay; never zero, and never the last one.
    ///
    /// `random`: a fresh draw from 0.0 (shortest) to 1.0 (longest); 0.5 means no jitter. Draws
    /// outside are taken as the nearer end, NaN as 0.5.
    pub fn next_delay(&mut self, random: f64) -> Duration {
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(self.max);
        let draw = if random.is_nan() { 0.5 } else { random.clamp(0.0, 1.0) };
        let seconds = delay.as_secs_f64() * (1.0 + self.jitter * (2.0 * draw - 1.0));
        let jittered = Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        jittered.max(Duration::from_nanos(1))
    }

    /// Begins anew with the first delay.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Doubles from 100 ms to 5 s, ±20 %.
impl Default for Backoff {
    fn default() -> Self {
        let first = Duration::from_millis(100);
        Self { first, max: Duration::from_secs(5), jitter: 0.2, next: first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn delays_double_from_first_to_max_and_stay_there() {
        let mut backoff = Backoff::default();
        let delays: Vec<_> = (0..8).map(|_| backoff.next_delay(0.5).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    }

    #[test]
    fn a_reset_begins_anew() {
        let mut backoff = Backoff::default();
        backoff.next_delay(0.5);
        backoff.next_delay(0.5);
        backoff.reset();
        assert_eq!(backoff, Backoff::default());
    }

    #[test]
    fn jitter_scales_each_delay_and_does_not_accumulate() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_delay(0.0), 80 * MS);
        assert_eq!(backoff.next_delay(1.0), 240 * MS);
        assert_eq!(backoff.next_delay(0.5), 400 * MS);
    }

    #[test]
    fn without_jitter_the_draw_does_not_matter() {
        let mut backoff = Backoff::try_new(3 * MS, 3 * MS, 0.0).unwrap();
        for draw in [0.0, 0.3, 1.0] {
            assert_eq!(backoff.next_delay(draw), 3 * MS);
        }
    }

    #[test]
    fn a_draw_out_of_range_gives_a_delay_in_range() {
        for (draw, millis) in [(-7.0, 80), (f64::NEG_INFINITY, 80), (f64::NAN, 100), (9.0, 120)] {
            assert_eq!(Backoff::default().next_delay(draw).as_millis(), millis, "{draw}");
        }
    }

    #[test]
    fn no_setting_overflows_or_gives_a_delay_of_zero() {
        let mut longest = Backoff::try_new(Duration::MAX, Duration::MAX, 0.9).unwrap();
        assert_eq!(longest.next_delay(1.0), Duration::MAX);
        assert!(longest.next_delay(0.5) > Duration::MAX / 2);
        let nanosecond = Duration::from_nanos(1);
        let mut shortest = Backoff::try_new(nanosecond, nanosecond, 0.9).unwrap();
        assert_eq!(shortest.next_delay(0.0), nanosecond);
    }

    #[test]
    fn bad_settings_are_refused_with_their_values() {
        let refused = |first, max, jitter| Backoff::try_new(first, max, jitter).unwrap_err();
        assert_eq!(refused(Duration::ZERO, MS, 0.2), BackoffError::ZeroFirst);
        assert_eq!(
            refused(2 * MS, MS, 0.2).to_string(),
            "the longest delay of 1ms is shorter than the first of 2ms"
        );
        for jitter in [-0.1, 1.0, f64::NAN, f64::INFINITY] {
            let error = refused(MS, MS, jitter);
            assert!(matches!(error, BackoffError::BadJitter { .. }), "{jitter}");
        }
    }

    #[test]
    fn the_default_is_a_setting_that_would_be_accepted() {
        let accepted = Backoff::try_new(100 * MS, 5_000 * MS, 0.2);
        assert_eq!(accepted, Ok(Backoff::default()));
    }
}
