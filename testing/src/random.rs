//! Numbers that look random and are the same for the same seed.

use std::ops::Range;
use std::time::Duration;

/// A seeded generator (SplitMix64): small, fast, the same on every machine. Not for secrets.
///
/// ```
/// use selsyn_testing::Random;
///
/// let (mut one, mut other) = (Random::new(7), Random::new(7));
/// assert_eq!(one.between(0..100), other.between(0..100));
/// ```
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator whose numbers follow from the seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range; its start when the range is empty.
    pub fn between(&mut self, range: Range<u64>) -> u64 {
        match range.end.saturating_sub(range.start) {
            0 => range.start,
            // The bias is below one in a billion for the ranges of tests.
            width => range.start + self.next_u64() % width,
        }
    }

    /// A time of the range, to the microsecond.
    pub fn duration(&mut self, range: &Range<Duration>) -> Duration {
        let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.between(micros(range.start)..micros(range.end)))
    }

    /// One of the items.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        assert!(!items.is_empty(), "there must be something to pick from");
        let index = self.between(0..items.len() as u64);
        &items[usize::try_from(index).expect("an index fits")]
    }
}
