//! Frames that leave together, as one message of the stream.
//!
//! Read and written by hand: what a stranger sends must not become a list without bound, and
//! what costs a wake-up and a lock is a message, not a frame.

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, message, skip_field};
use prost::{DecodeError, Message};

use super::Frame;
use super::line::LineError;
use super::quick::Quick;

/// Most frames in a batch: more save nothing, as 256 share the cost of a message well enough.
pub const MAX_BATCH_FRAMES: usize = 256;

/// Bytes after which a batch takes no more frames: what is flushed at once.
pub const MAX_BATCH_BYTES: usize = 32 * 1024;

/// Bytes of a small frame, about: how much room is made for several at once.
const FRAME_BYTES: usize = 192;

/// The field that carries the frames.
const FRAMES: u32 = 1;

/// The byte that such a field begins with.
const FIELD: u8 = (FRAMES << 3) as u8 | 2;

/// Frames that travel together, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<F> {
    /// Small frames that leave, written while whoever keeps them was locked: so none is copied.
    written: Vec<u8>,
    /// The frames, which leave after those that are written; at most [`MAX_BATCH_FRAMES`].
    pub frames: Vec<F>,
    /// More came than a batch may hold, and were dropped.
    is_too_long: bool,
}

impl<F> Default for Batch<F> {
    fn default() -> Self {
        Self { written: Vec::new(), frames: Vec::new(), is_too_long: false }
    }
}

/// Frames that leave.
impl<F: Frame> Batch<F> {
    /// An empty batch with room for so many small frames.
    pub fn with_room(frames: usize) -> Self {
        let bytes = frames.min(MAX_BATCH_FRAMES) * FRAME_BYTES;
        Self { written: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Adds a frame. A part is not written, as it is large and shared.
    pub fn add(&mut self, frame: &F) {
        if frame.as_part().is_some() {
            self.frames.push(frame.clone());
        } else if !frame.write_field(FIELD, &mut self.written) {
            let at = self.written.len();
            self.written.resize(at + message::encoded_len(FRAMES, frame), 0);
            // A slice is written without asking for room at every byte.
            message::encode(FRAMES, frame, &mut &mut self.written[at..]);
        }
    }

    /// Whether it takes no more frames.
    pub fn is_full(&self) -> bool {
        self.written.len() >= MAX_BATCH_BYTES || !self.frames.is_empty()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.written.is_empty() && self.frames.is_empty()
    }
}

impl<F> Batch<F> {
    /// A batch of one frame.
    pub fn of(frame: F) -> Self {
        vec![frame].into()
    }

    /// The frames, to deal with one by one.
    ///
    /// # Errors
    ///
    /// [`LineError::Batch`] when there were more than a batch may hold: end the session.
    pub fn into_frames(self) -> Result<std::vec::IntoIter<F>, LineError> {
        if self.is_too_long { Err(LineError::Batch) } else { Ok(self.frames.into_iter()) }
    }

    /// The frame of a batch that must have just one.
    pub fn into_single(self) -> Option<F> {
        let mut frames = self.frames.into_iter();
        frames.next().filter(|_| frames.len() == 0 && !self.is_too_long)
    }
}

impl<F> From<Vec<F>> for Batch<F> {
    fn from(frames: Vec<F>) -> Self {
        Self { frames, ..Self::default() }
    }
}

impl<F: Message + Quick + Default> Batch<F> {
    /// Reads a frame from the front, if it is a common one.
    fn read_quickly(&mut self, rest: &mut Bytes) -> Option<()> {
        if self.frames.len() == MAX_BATCH_FRAMES || rest.first() != Some(&FIELD) {
            return None;
        }
        // Varints of one and two bytes: no common frame is longer.
        let (length, from) = match *rest.get(1..3)? {
            [low, _] if low < 0x80 => (usize::from(low), 2),
            [low, high] if high < 0x80 => (usize::from(low & 0x7f) | usize::from(high) << 7, 3),
            _ => return None,
        };
        let until = from + length;
        F::read(rest, from..until, &mut self.frames)?;
        rest.advance(until);
        Some(())
    }
}

impl<F: Message + Quick + Default> Message for Batch<F> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.written);
        self.frames.iter().for_each(|frame| message::encode(FRAMES, frame, buf));
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        if tag != FRAMES {
            return skip_field(wire_type, tag, buf, context);
        }
        if self.frames.len() == MAX_BATCH_FRAMES {
            self.is_too_long = true;
            return skip_field(wire_type, tag, buf, context);
        }
        self.frames.push(F::default());
        let Some(frame) = self.frames.last_mut() else { return Ok(()) };
        message::merge(wire_type, frame, buf, context)
    }

    fn encoded_len(&self) -> usize {
        let frames = self.frames.iter().map(|frame| message::encoded_len(FRAMES, frame));
        self.written.len() + frames.sum::<usize>()
    }

    /// Reads from one piece of memory: its fields are read faster, and payloads share it.
    fn decode(mut buf: impl Buf) -> Result<Self, DecodeError> {
        let mut rest = buf.copy_to_bytes(buf.remaining());
        let frames = (rest.len() / FRAME_BYTES).min(MAX_BATCH_FRAMES);
        let mut batch = Self::from(Vec::with_capacity(frames));
        while rest.has_remaining() {
            if batch.read_quickly(&mut rest).is_none() {
                let (tag, wire_type) = decode_key(&mut rest)?;
                batch.merge_field(tag, wire_type, &mut rest, DecodeContext::default())?;
            }
        }
        Ok(batch)
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::FromMaster;

    fn batch(frames: usize) -> Batch<FromMaster> {
        let frame = |seq| FromMaster { seq, ..FromMaster::default() };
        (0..frames as u64).map(frame).collect::<Vec<_>>().into()
    }

    #[test]
    fn a_batch_arrives_as_it_left() {
        let sent = batch(MAX_BATCH_FRAMES);
        assert_eq!(Batch::decode(sent.encode_to_vec().as_slice()).unwrap(), sent);
    }

    #[test]
    fn a_batch_that_is_too_long_is_not_kept_whole() {
        let read = Batch::<FromMaster>::decode(batch(300).encode_to_vec().as_slice()).unwrap();
        assert_eq!((read.frames.len(), read.is_too_long), (MAX_BATCH_FRAMES, true));
    }

    #[test]
    fn a_greeting_comes_alone() {
        assert!(batch(1).into_single().is_some());
        assert_eq!(batch(0).into_single(), None);
        assert_eq!(batch(2).into_single(), None);
    }
}
