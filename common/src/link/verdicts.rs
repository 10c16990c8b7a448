//! Verdicts that are written one after another, and said together.

use super::quick::Short;
use crate::proto::FromSlave;

/// Most verdicts that are said together: a lock that so many share costs each of them little, and
/// a batch is filled by sixteen times as many.
const MOST: usize = 32;

/// Bytes after which no more are added: a batch is hardly longer for them.
const MOST_BYTES: usize = 4 * 1024;

/// Verdicts that are written one after another, and [said](super::outbox::Outbox::put_verdicts)
/// together: one lock serves for all of them.
#[derive(Debug, Default)]
pub struct Verdicts {
    bytes: Vec<u8>,
    count: usize,
}

impl Verdicts {
    /// Adds a common verdict, which must fit.
    #[inline(always)]
    pub fn add(&mut self, verdict: &impl Short<FromSlave>) {
        verdict.write(&mut self.bytes);
        self.count += 1;
    }

    /// Whether they are to be said before more are added.
    pub const fn is_full(&self) -> bool {
        self.count >= MOST || self.bytes.len() >= MOST_BYTES
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// As they leave.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// They were said.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.count = 0;
    }
}
