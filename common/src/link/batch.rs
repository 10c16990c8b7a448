//! Frames that leave together, as one message of the stream.
//!
//! Read and written by hand: what a stranger sends must not become a list without bound, and
//! what costs a wake-up and a lock is a message, not a frame.

use bytes::{Buf, BufMut, Bytes};
use prost::encoding::{
    DecodeContext, WireType, decode_key, decode_varint, message, skip_field, uint64,
};
use prost::{DecodeError, Message};

use super::Frame;
use super::line::LineError;
use super::quick::{Quick, Series};

/// Most frames in a batch: of a thousand tasks in flight, a third of the writes that 256 take; with
/// twice as many, what one side writes is out of the other's cache when it comes to read it.
pub const MAX_BATCH_FRAMES: usize = 512;

/// Bytes after which a batch takes no more frames: what is flushed at once.
pub const MAX_BATCH_BYTES: usize = 64 * 1024;

/// The field that carries the frames.
const FRAMES: u32 = 1;
/// The field that numbers them.
const FIRST: u32 = 2;
/// The field that acknowledges those of the other side.
const ACK: u32 = 3;

/// The byte that a field with a frame begins with.
pub(super) const FIELD: u8 = (FRAMES << 3) as u8 | 2;

/// The bytes that the numbers begin with.
const FIRST_KEY: u8 = (FIRST << 3) as u8;
const ACK_KEY: u8 = (ACK << 3) as u8;

/// Frames that travel together, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<F> {
    /// Number of the first frame that has one; 0 where none has.
    pub first: u64,
    /// Highest number received from the other side.
    pub ack: u64,
    /// Frames that leave, written before.
    written: Bytes,
    /// Frames that came, if all of them are common.
    series: Series<F>,
    /// Frames that came otherwise, at most [`MAX_BATCH_FRAMES`]; or one that leaves and was not
    /// written.
    frames: Vec<F>,
    /// More came than a batch may hold, and were dropped.
    is_too_long: bool,
    /// Bytes that it was read from; 0 for one that leaves.
    bytes: usize,
}

/// Frames that came together, to be dealt with one by one.
#[derive(Debug)]
pub struct Incoming<F> {
    /// What the other side has received.
    pub ack: u64,
    /// Number of the next frame that has one.
    next: u64,
    /// All of them, if all are common.
    series: Series<F>,
    frames: std::vec::IntoIter<F>,
    bytes: usize,
}

impl<F> Default for Batch<F> {
    fn default() -> Self {
        let (written, series, frames) = (Bytes::new(), Series::default(), Vec::new());
        Self { first: 0, ack: 0, written, series, frames, is_too_long: false, bytes: 0 }
    }
}

impl<F> Batch<F> {
    /// A batch of one frame without a number.
    pub fn of(frame: F) -> Self {
        Self::numbered(0, vec![frame])
    }

    /// A batch of frames that are not written yet; those that have a number count up from `first`.
    pub fn numbered(first: u64, frames: Vec<F>) -> Self {
        Self { first, frames, ..Self::default() }
    }

    /// The same batch, which says what was received.
    pub fn with_ack(mut self, ack: u64) -> Self {
        self.ack = ack;
        self
    }

    /// A batch of frames that were [written](write_frame) before.
    pub(super) fn written(first: u64, written: Bytes) -> Self {
        Self { first, written, ..Self::default() }
    }

    /// The frames, to deal with one by one.
    ///
    /// # Errors
    ///
    /// [`LineError::Batch`] when there were more than a batch may hold: end the session.
    pub fn into_incoming(self) -> Result<Incoming<F>, LineError> {
        if self.is_too_long {
            return Err(LineError::Batch);
        }
        let Self { first: next, ack, series, frames, bytes, .. } = self;
        Ok(Incoming { ack, next, series, frames: frames.into_iter(), bytes })
    }
}

impl<F: Frame> Batch<F> {
    /// The frame of a batch that must have just one.
    pub fn into_single(self) -> Option<F> {
        let mut frames = self.into_incoming().ok()?;
        let (_, frame) = frames.next()?;
        frames.is_empty().then_some(frame)
    }
}

impl<F> Incoming<F> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.series.len() + self.frames.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that they were read from, in one piece, which payloads share.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of the next frame that has one.
    pub(super) const fn number(&self) -> u64 {
        self.next
    }

    /// Takes all of them out, if all are common.
    pub(super) fn take_series(&mut self) -> Option<Series<F>> {
        (!self.series.is_empty()).then(|| std::mem::take(&mut self.series))
    }
}

/// The frames with their numbers; 0 for one that has none.
impl<F: Frame> Iterator for Incoming<F> {
    type Item = (u64, F);

    fn next(&mut self) -> Option<Self::Item> {
        let common = self.series.next().map(F::of_common);
        let frame = common.or_else(|| self.frames.next())?;
        if !frame.is_numbered() {
            return Some((0, frame));
        }
        let number = self.next;
        // 0 is no number to count from; a number too high is refused where it is received.
        self.next = number.saturating_add(u64::from(number > 0));
        Some((number, frame))
    }
}

/// Writes a frame as a batch carries it.
pub(super) fn write_frame<F: Frame>(frame: &F, out: &mut Vec<u8>) {
    if !frame.write_field(out) {
        let at = out.len();
        out.resize(at + message::encoded_len(FRAMES, frame), 0);
        // A slice is written without asking for room at every byte.
        message::encode(FRAMES, frame, &mut &mut out[at..]);
    }
}

impl<F: Quick> Batch<F> {
    /// Adds common frames to others, and to common ones that stand apart from them.
    fn add(&mut self, series: Series<F>) {
        if !series.is_empty() {
            self.make_frames();
            self.extend(series);
        }
    }

    /// Makes frames of the common ones: something comes behind them.
    fn make_frames(&mut self) {
        let series = std::mem::take(&mut self.series);
        self.extend(series);
    }

    /// Reads the numbers at the front, from a slice: to count off bytes of shared memory one by one
    /// takes three times as long.
    fn take_numbers(&mut self, rest: &mut Bytes) -> Result<(), DecodeError> {
        let mut fields = &rest[..];
        loop {
            let (number, value) = match fields.split_first() {
                Some((&FIRST_KEY, value)) => (&mut self.first, value),
                Some((&ACK_KEY, value)) => (&mut self.ack, value),
                _ => break,
            };
            fields = value;
            *number = decode_varint(&mut fields)?;
        }
        let left = fields.len();
        rest.advance(rest.len() - left);
        Ok(())
    }

    fn extend(&mut self, series: Series<F>) {
        self.is_too_long |= self.frames.len() + series.len() > MAX_BATCH_FRAMES;
        let room = MAX_BATCH_FRAMES - self.frames.len();
        self.frames.extend(series.take(room).map(F::of_common));
    }
}

impl<F: Message + Quick + Default> Message for Batch<F> {
    fn encode_raw(&self, buf: &mut impl BufMut) {
        buf.put_slice(&self.written);
        self.frames.iter().for_each(|frame| message::encode(FRAMES, frame, buf));
        for (tag, number) in [(FIRST, self.first), (ACK, self.ack)] {
            if number > 0 {
                uint64::encode(tag, &number, buf);
            }
        }
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: WireType,
        buf: &mut impl Buf,
        context: DecodeContext,
    ) -> Result<(), DecodeError> {
        if tag == FRAMES {
            self.make_frames();
        }
        match tag {
            FIRST => return uint64::merge(wire_type, &mut self.first, buf, context),
            ACK => return uint64::merge(wire_type, &mut self.ack, buf, context),
            FRAMES if self.frames.len() == MAX_BATCH_FRAMES => self.is_too_long = true,
            FRAMES => {
                self.frames.push(F::default());
                let Some(frame) = self.frames.last_mut() else { return Ok(()) };
                return message::merge(wire_type, frame, buf, context);
            }
            _ => {}
        }
        skip_field(wire_type, tag, buf, context)
    }

    fn encoded_len(&self) -> usize {
        let frames = self.frames.iter().map(|frame| message::encoded_len(FRAMES, frame));
        let numbers = [(FIRST, self.first), (ACK, self.ack)];
        let numbers = numbers.iter().filter(|(_, number)| *number > 0);
        let numbers = numbers.map(|(tag, number)| uint64::encoded_len(*tag, number));
        self.written.len() + frames.chain(numbers).sum::<usize>()
    }

    /// Reads from one piece of memory, which payloads share.
    fn decode(mut buf: impl Buf) -> Result<Self, DecodeError> {
        let bytes = buf.remaining();
        let mut rest = buf.copy_to_bytes(bytes);
        let mut batch = Self { series: Series::take(&mut rest), bytes, ..Self::default() };
        batch.take_numbers(&mut rest)?;
        while rest.has_remaining() {
            let (tag, wire_type) = decode_key(&mut rest)?;
            batch.merge_field(tag, wire_type, &mut rest, DecodeContext::default())?;
            if tag == FRAMES {
                batch.add(Series::take(&mut rest));
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
    use crate::proto::{self, FromMaster, from_master};

    fn cancel(n: u64) -> FromMaster {
        let execution = Some(proto::ExecutionId { task_low: n, ..proto::ExecutionId::default() });
        let cancel = proto::Cancel { execution, ..proto::Cancel::default() };
        FromMaster { frame: Some(from_master::Frame::Cancel(cancel)) }
    }

    fn batch(frames: u64) -> Batch<FromMaster> {
        Batch::numbered(7, (0..frames).map(cancel).collect()).with_ack(9)
    }

    fn read(batch: &Batch<FromMaster>) -> Batch<FromMaster> {
        Batch::decode(batch.encode_to_vec().as_slice()).unwrap()
    }

    #[test]
    fn a_batch_arrives_as_it_left() {
        let sent = batch(MAX_BATCH_FRAMES as u64);
        let bytes = sent.encoded_len();
        assert_eq!(read(&sent), Batch { bytes, ..sent });
    }

    #[test]
    fn a_batch_that_is_too_long_is_not_kept_whole() {
        let read = read(&batch(600));
        assert_eq!((read.frames.len(), read.is_too_long), (MAX_BATCH_FRAMES, true));
    }

    #[test]
    fn common_frames_are_as_many_as_others_and_come_in_order_among_them() {
        let taken = |n| {
            let executions = vec![proto::ExecutionId { task_low: n, attempt: 1, task_high: 0 }];
            let taken = proto::ResultsTaken { executions };
            FromMaster { frame: Some(from_master::Frame::ResultsTaken(taken)) }
        };
        let cross = |frames: &[FromMaster]| {
            let mut written = Vec::new();
            frames.iter().for_each(|frame| write_frame(frame, &mut written));
            read(&Batch::written(1, written.into()))
        };
        let too_many: Vec<_> = (0..600).map(taken).collect();
        assert_eq!(cross(&too_many).into_incoming().unwrap_err(), LineError::Batch);
        let full = &too_many[..MAX_BATCH_FRAMES];
        assert_eq!(cross(full).into_incoming().unwrap().len(), MAX_BATCH_FRAMES);
        let mixed = [taken(1), taken(2), cancel(3), taken(4), cancel(5)];
        let incoming = cross(&mixed).into_incoming().unwrap();
        assert!(incoming.map(|(_, frame)| frame).eq(mixed));
    }

    #[test]
    fn common_frames_are_all_there_wherever_a_number_stands_among_them() {
        let taken = proto::ResultsTaken::default();
        let taken = FromMaster { frame: Some(from_master::Frame::ResultsTaken(taken)) };
        let part = |frames, first, ack| {
            let mut written = Vec::new();
            (0..frames).for_each(|_| write_frame(&taken, &mut written));
            Batch::<FromMaster>::written(first, written.into()).with_ack(ack).encode_to_vec()
        };
        let [one, other, too_many] = [part(2, 7, 0), part(3, 0, 9), part(MAX_BATCH_FRAMES, 0, 0)];
        let read = |bytes: Vec<u8>| Batch::<FromMaster>::decode(bytes.as_slice()).unwrap();
        let mut merged = read(one.clone());
        merged.merge(other.as_slice()).unwrap();
        for batch in [read([&*one, &other].concat()), merged] {
            let mut incoming = batch.into_incoming().unwrap();
            assert_eq!((incoming.take_series(), incoming.ack), (None, 9), "some are no series");
            assert!(incoming.map(|(number, _)| number).eq(7..12));
        }
        let read = read([one, too_many].concat());
        assert_eq!(read.into_incoming().unwrap_err(), LineError::Batch);
    }

    #[test]
    fn numbers_are_read_as_protobuf_reads_them_and_refused_where_it_refuses_them() {
        let read = |bytes: &[u8]| Batch::<FromMaster>::decode(bytes);
        let [first, ack] = [FIRST_KEY, ACK_KEY];
        let twice = read(&[first, 1, ack, 2, first, 0x80, 0x01]).unwrap().into_incoming().unwrap();
        assert_eq!((twice.number(), twice.ack), (128, 2), "the last of each counts");
        let unusual = read(&[ack | 0x80, 0, 5]).unwrap().into_incoming().unwrap();
        assert_eq!(unusual.ack, 5, "a key of more bytes than it needs");
        for broken in [&[first][..], &[ack, 0x80], &[&[first][..], &[0xff; 10]].concat()] {
            read(broken).unwrap_err();
        }
    }

    #[test]
    fn a_greeting_comes_alone() {
        assert!(batch(1).into_single().is_some());
        assert_eq!(batch(0).into_single(), None);
        assert_eq!(batch(2).into_single(), None);
    }

    #[test]
    fn frames_count_up_from_the_first_that_has_a_number() {
        let beat = FromMaster::beat();
        let frames = vec![beat.clone(), cancel(1), beat, cancel(2)];
        let numbers = |first| {
            let incoming = Batch::numbered(first, frames.clone()).into_incoming().unwrap();
            incoming.map(|(number, _)| number).collect::<Vec<_>>()
        };
        assert_eq!(numbers(7), [0, 7, 0, 8]);
        assert_eq!(numbers(0), [0; 4], "where no number is named, none has one");
    }
}
