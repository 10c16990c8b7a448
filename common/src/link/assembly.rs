//! Puts large payloads together again.
//!
//! Each is copied once, into a buffer of its size, and the frame that named it goes on when all of
//! its payloads are whole.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Instant;

use bytes::Bytes;

use super::line::Announced;
use super::{Frame, spare};
use crate::proto;

/// The frames that wait for their payloads.
#[derive(Debug)]
pub struct Assemblies<F>(BTreeMap<u64, Assembly<F>>);

struct Assembly<F> {
    frame: F,
    since: Instant,
    sizes: VecDeque<usize>,
    whole: VecDeque<Bytes>,
    growing: Vec<u8>,
    /// What the receiver set aside for it.
    _held: Held,
}

/// Something that is dropped together with the wait for a payload.
pub type Held = Box<dyn Any + Send>;

/// Parts that do not make up the payloads that were named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// More bytes came than were named.
    #[error("a part of frame {frame} goes beyond the size that was named")]
    TooLong {
        /// The number of the frame.
        frame: u64,
    },
    /// A part must bring something.
    #[error("a part of frame {frame} is empty")]
    Empty {
        /// The number of the frame.
        frame: u64,
    },
    /// A payload comes in one piece or in parts.
    #[error("a payload of frame {frame} has bytes of its own, and names a size")]
    Both {
        /// The number of the frame.
        frame: u64,
    },
}

/// The sizes of the payloads that follow in parts; empty when the frame is whole.
///
/// # Errors
///
/// [`PartError::Both`] when a payload is whole and in parts at once.
pub fn sizes<F: Frame>(number: u64, frame: &mut F) -> Result<VecDeque<usize>, PartError> {
    let (mut sizes, mut is_both) = (VecDeque::new(), false);
    frame.each_payload(|payload| {
        is_both |= payload.size > 0 && !payload.data.is_empty();
        if payload.size > 0 {
            sizes.push_back(usize::try_from(payload.size).unwrap_or(usize::MAX));
        }
    });
    if is_both { Err(PartError::Both { frame: number }) } else { Ok(sizes) }
}

impl<F> Default for Assemblies<F> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<F: Frame> Assemblies<F> {
    /// Waits for the payloads of a frame.
    pub fn expect(&mut self, announced: Announced<F>, held: Held, now: Instant) {
        spare::keep_freed_memory();
        let Announced { frame, number, sizes } = announced;
        let assembly = Assembly {
            since: now,
            sizes,
            whole: VecDeque::new(),
            growing: Vec::new(),
            _held: held,
            frame,
        };
        self.0.insert(number, assembly);
    }

    /// Adds a part; gives the frame when it is whole. Parts that nobody waits for are dropped.
    ///
    /// # Errors
    ///
    /// [`PartError`] when the part does not fit: end the stream.
    pub fn add(&mut self, part: &proto::Part, now: Instant) -> Result<Option<F>, PartError> {
        if part.data.is_empty() {
            return Err(PartError::Empty { frame: part.frame });
        }
        let Some(assembly) = self.0.get_mut(&part.frame) else { return Ok(None) };
        assembly.add(part)?;
        if !assembly.sizes.is_empty() {
            return Ok(None);
        }
        Ok(self.0.remove(&part.frame).map(|assembly| assembly.finish(now)))
    }

    /// Stops waiting for the first frame that is meant; gives it, without its payloads.
    pub fn give_up(&mut self, is_meant: impl Fn(&F) -> bool) -> Option<F> {
        let number = self.0.iter().find(|(_, assembly)| is_meant(&assembly.frame))?.0;
        let number = *number;
        self.0.remove(&number).map(|assembly| assembly.frame)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl<F: Frame> Assembly<F> {
    fn add(&mut self, part: &proto::Part) -> Result<(), PartError> {
        let too_long = PartError::TooLong { frame: part.frame };
        let size = *self.sizes.front().ok_or(too_long)?;
        if self.growing.capacity() == 0 {
            self.growing = spare::take(size);
        }
        if part.data.len() > size - self.growing.len() {
            return Err(too_long);
        }
        self.growing.extend_from_slice(&part.data);
        if self.growing.len() == size {
            self.sizes.pop_front();
            self.whole.push_back(spare::lend(std::mem::take(&mut self.growing)));
        }
        Ok(())
    }

    fn finish(mut self, now: Instant) -> F {
        let whole = &mut self.whole;
        self.frame.each_payload(|payload| {
            if payload.size > 0 {
                payload.size = 0;
                payload.data = whole.pop_front().unwrap_or_default();
            }
        });
        self.frame.age(now.saturating_duration_since(self.since));
        self.frame
    }
}

impl<F> fmt::Debug for Assembly<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Assembly").field("sizes", &self.sizes).finish_non_exhaustive()
    }
}
