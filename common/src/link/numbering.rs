//! Which frames have left, which have arrived, and which must leave again.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Frame, PART_BYTES};

/// Frames that may wait for an acknowledgement of ours before it is sent on its own.
const MAX_OWED_FRAMES: u64 = 64;

/// Bytes of parts that may; half of the smallest credit, so that the sender never runs dry.
const MAX_OWED_BYTES: usize = 2 * PART_BYTES;

/// Numbers what leaves, dense from 1, and keeps it until it is acknowledged.
#[derive(Debug)]
pub struct Departures<F> {
    /// In the order of their numbers, which end with `last`.
    unacked: VecDeque<Departed<F>>,
    last: u64,
    /// The number that leaves next, unless it was acknowledged.
    next: u64,
    /// The highest number that has ever left: what comes after it cannot be acknowledged.
    left: u64,
}

/// A frame that has left, or is about to.
#[derive(Debug)]
pub struct Departed<F> {
    /// The frame.
    pub frame: F,
    /// When it was numbered, for frames whose age matters.
    pub at: Option<Instant>,
    /// How many bytes it takes.
    pub bytes: usize,
}

/// Checks the numbers of what arrives, and owes an acknowledgement of it.
#[derive(Debug, Default)]
pub struct Arrivals {
    last: u64,
    owed_frames: u64,
    owed_bytes: usize,
}

/// What a number says about the frame that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Deal with it.
    New,
    /// It was dealt with before: drop it.
    Again,
}

/// A number that breaks a rule of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberingError {
    /// A frame is missing before this one.
    #[error("frame {expected} is missing before frame {got}")]
    Missing {
        /// The number that should have come.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// A frame that must carry a number has none, or the reverse.
    #[error("frame {got} is numbered wrongly: {rule}")]
    Kind {
        /// The number that came.
        got: u64,
        /// What the rule is.
        rule: &'static str,
    },
    /// The other side acknowledges what was never sent.
    #[error("frame {acked} is acknowledged, but only {sent} were sent")]
    AckAhead {
        /// What it acknowledges.
        acked: u64,
        /// The last number sent.
        sent: u64,
    },
    /// The other side asks again for what it has acknowledged before.
    #[error("frame {received} is said to be the last that was received, but {acked} were before")]
    AckBehind {
        /// What it says it has received.
        received: u64,
        /// What it acknowledged before.
        acked: u64,
    },
}

impl<F> Default for Departures<F> {
    fn default() -> Self {
        Self { unacked: VecDeque::new(), last: 0, next: 1, left: 0 }
    }
}

impl<F: Frame> Departures<F> {
    /// Numbers a frame and keeps it; it leaves when those before it have. `at` is given for frames
    /// whose age matters.
    #[inline(always)]
    pub fn push(&mut self, frame: F, at: Option<Instant>, bytes: usize) -> u64 {
        self.last += 1;
        self.unacked.push_back(Departed { frame, at, bytes });
        self.last
    }

    /// Shows the frame that leaves next, with its number; its time is shortened by its age.
    pub fn leave<T>(
        &mut self,
        now: impl FnOnce() -> Instant,
        see: impl FnOnce(u64, &mut F) -> T,
    ) -> Option<T> {
        let first = self.acked_before() + 1;
        let number = self.next.max(first);
        let departed = self.unacked.get_mut(usize::try_from(number - first).ok()?)?;
        self.next = number + 1;
        self.left = self.left.max(number);
        let Some(at) = departed.at.filter(|_| departed.frame.has_deadline()) else {
            return Some(see(number, &mut departed.frame));
        };
        let mut aged = departed.frame.clone();
        aged.age(now().saturating_duration_since(at));
        Some(see(number, &mut aged))
    }

    /// The frame that was pushed last, with its size, if it has not left.
    pub fn back_mut(&mut self) -> Option<(&mut F, &mut usize)> {
        let last = self.unacked.back_mut().filter(|_| self.next <= self.last)?;
        Some((&mut last.frame, &mut last.bytes))
    }

    /// Notes the other side's ack; an older one than before says nothing new. Shows each frame
    /// that is done with.
    ///
    /// # Errors
    ///
    /// [`NumberingError::AckAhead`] when it acknowledges what was never sent: end the stream.
    pub fn acked(
        &mut self,
        acked: u64,
        done: impl FnMut(&Departed<F>),
    ) -> Result<(), NumberingError> {
        if acked > self.left {
            let sent = self.left;
            return Err(NumberingError::AckAhead { acked, sent });
        }
        let before = self.acked_before();
        if let Ok(count) = usize::try_from(acked.saturating_sub(before)) {
            // Looked at and dropped where they are.
            self.unacked.iter().take(count).for_each(done);
            self.unacked.drain(..count);
        }
        Ok(())
    }

    /// The stream was resumed: what the other side has not received leaves again.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when the other side contradicts itself: the session cannot be resumed.
    pub fn rewind(
        &mut self,
        received: u64,
        done: impl FnMut(&Departed<F>),
    ) -> Result<(), NumberingError> {
        let acked = self.acked_before();
        if received < acked {
            return Err(NumberingError::AckBehind { received, acked });
        }
        self.acked(received, done)?;
        self.next = received + 1;
        Ok(())
    }

    /// How many frames must leave: pushed since the last one left, or not received before a break.
    pub fn to_leave(&self) -> usize {
        let next = self.next.max(self.acked_before() + 1);
        usize::try_from(self.last + 1 - next).unwrap_or(usize::MAX)
    }

    /// The frames that are not acknowledged.
    pub fn unacked_mut(&mut self) -> impl Iterator<Item = &mut F> {
        self.unacked.iter_mut().map(|departed| &mut departed.frame)
    }

    /// How many frames are not acknowledged.
    pub fn unacked(&self) -> usize {
        self.unacked.len()
    }

    /// Forgets everything: nobody will ask for it again.
    pub fn clear(&mut self) {
        self.unacked.clear();
        self.next = self.last + 1;
    }

    fn acked_before(&self) -> u64 {
        self.last - self.unacked.len() as u64
    }
}

impl Arrivals {
    /// The highest number received: what the next frame acknowledges.
    pub const fn ack(&self) -> u64 {
        self.last
    }

    /// A frame leaves, and acknowledges everything.
    pub const fn acknowledged(&mut self) {
        (self.owed_frames, self.owed_bytes) = (0, 0);
    }

    /// Whether so much has arrived that it must be acknowledged at once.
    pub const fn owes(&self) -> bool {
        self.owed_frames >= MAX_OWED_FRAMES || self.owed_bytes >= MAX_OWED_BYTES
    }

    /// Takes the number of a frame, and how many bytes of a part it brings.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when a frame is missing or numbered wrongly: end the stream.
    pub fn receive(
        &mut self,
        seq: u64,
        numbered: bool,
        bytes: usize,
    ) -> Result<Arrival, NumberingError> {
        let expected = self.last + 1;
        match (numbered, seq) {
            (false, 0) => return Ok(Arrival::New),
            (false, got) => {
                return Err(NumberingError::Kind { got, rule: "this frame has no number" });
            }
            (true, 0) => {
                return Err(NumberingError::Kind { got: 0, rule: "this frame has a number" });
            }
            (true, got) if got > expected => return Err(NumberingError::Missing { expected, got }),
            (true, _) => {}
        }
        self.owed_frames += 1;
        self.owed_bytes += bytes;
        if seq < expected {
            return Ok(Arrival::Again);
        }
        self.last = seq;
        Ok(Arrival::New)
    }
}

#[cfg(test)]
#[path = "numbering_tests.rs"]
mod tests;
