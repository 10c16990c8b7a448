//! Which frames have arrived, and what is owed for them.

use super::PART_BYTES;

/// Frames that may wait for an acknowledgement of ours before it is sent on its own.
const MAX_OWED_FRAMES: u64 = 64;

/// Bytes of parts that may; half of the smallest credit, so that the sender never runs dry.
const MAX_OWED_BYTES: usize = 2 * PART_BYTES;

/// Checks the numbers of what arrives, and owes an acknowledgement of it.
#[derive(Debug, Default)]
pub struct Arrivals {
    last: u64,
    owed_frames: u64,
    owed_bytes: usize,
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
    /// A frame that must have a number has none.
    #[error("the batch does not say which number its first frame has")]
    Unnumbered,
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

impl Arrivals {
    /// The highest number received: what the next batch acknowledges.
    pub const fn received(&self) -> u64 {
        self.last
    }

    /// A batch leaves, and acknowledges everything up to the number that this gives.
    pub const fn acknowledge(&mut self) -> u64 {
        (self.owed_frames, self.owed_bytes) = (0, 0);
        self.last
    }

    /// Whether so much has arrived that it must be acknowledged at once.
    pub const fn owes(&self) -> bool {
        self.owed_frames >= MAX_OWED_FRAMES || self.owed_bytes >= MAX_OWED_BYTES
    }

    /// Takes frames that came together, the first of which has this number, and how many bytes of
    /// a part they bring; gives how many of them came before, and are to be dropped.
    ///
    /// # Errors
    ///
    /// [`NumberingError`] when a frame is missing before them, or they have no number: end the
    /// stream.
    pub fn receive(
        &mut self,
        first: u64,
        frames: usize,
        bytes: usize,
    ) -> Result<usize, NumberingError> {
        let expected = self.last + 1;
        if first == 0 {
            return Err(NumberingError::Unnumbered);
        }
        if first > expected {
            return Err(NumberingError::Missing { expected, got: first });
        }
        self.owed_frames += frames as u64;
        self.owed_bytes += bytes;
        let known = usize::try_from(expected - first).map_or(frames, |known| known.min(frames));
        self.last += (frames - known) as u64;
        Ok(known)
    }
}

#[cfg(test)]
#[path = "numbering_tests.rs"]
mod tests;
