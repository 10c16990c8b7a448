//! What common frames are made of: fields of a fixed shape, so that each is written and read at once.
//!
//! Lengths take two bytes, and times five, be they needed or not: every reader of protobuf takes
//! that, and where each field lies is then known beforehand.

use std::ops::Range;

use bytes::Bytes;

use super::tags;
use crate::proto;

/// Most that a length of two bytes says.
const MAX_LENGTH: u64 = (1 << 14) - 1;

/// Most that a time of five bytes says, in its unit.
pub(super) const MAX_TIME: u64 = (1 << 35) - 1;

/// Bytes of a field with an execution.
pub(super) const EXECUTION: usize = 22;

/// A number of one byte, with its tag.
pub(super) const SMALL: usize = 2;

/// The tag of so many bytes, and their length.
pub(super) const HEAD: usize = 3;

/// A time, with its tag.
pub(super) const TIME: usize = 6;

/// Whether a number takes one byte.
pub(super) const fn is_small(number: u32) -> bool {
    number < 0x80
}

/// Whether a number is written as a length is.
pub(super) const fn is_length(number: u32) -> bool {
    number as u64 <= MAX_LENGTH
}

#[inline(always)]
pub(super) const fn head(tag: u8, length: usize) -> [u8; HEAD] {
    [tag, length as u8 | 0x80, (length >> 7) as u8]
}

#[inline(always)]
pub(super) const fn time(tag: u8, time: u64) -> [u8; TIME] {
    let [first, second] = [time as u8 | 0x80, (time >> 7) as u8 | 0x80];
    let [third, fourth] = [(time >> 14) as u8 | 0x80, (time >> 21) as u8 | 0x80];
    [tag, first, second, third, fourth, (time >> 28) as u8]
}

#[inline(always)]
pub(super) fn execution(id: proto::ExecutionId) -> [u8; EXECUTION] {
    let mut field = [0; EXECUTION];
    field[..3].copy_from_slice(&[tags::EXECUTION, 20, tags::TASK_HIGH]);
    field[3..11].copy_from_slice(&id.task_high.to_le_bytes());
    field[11] = tags::TASK_LOW;
    field[12..20].copy_from_slice(&id.task_low.to_le_bytes());
    field[20..].copy_from_slice(&[tags::ATTEMPT, id.attempt as u8]);
    field
}

/// Reads fields one behind the other; `None` where one is another, or of another shape.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    whole: &'a Bytes,
}

impl<'a> Fields<'a> {
    #[inline(always)]
    pub(super) fn of(whole: &'a Bytes, range: Range<usize>) -> Option<Self> {
        Some(Self { rest: whole.get(range)?, whole })
    }

    /// Nothing may be left.
    #[inline(always)]
    pub(super) const fn end(&self) -> Option<()> {
        if self.rest.is_empty() { Some(()) } else { None }
    }

    pub(super) const fn len(&self) -> usize {
        self.rest.len()
    }

    #[inline(always)]
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (field, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(field)
    }

    /// The length, or number, of a field with this tag.
    #[inline(always)]
    pub(super) fn head(&mut self, tag: u8) -> Option<usize> {
        let [found, low, high] = *self.take()?;
        let is_head = found == tag && low >= 0x80 && high < 0x80;
        is_head.then_some(usize::from(low & 0x7f) | usize::from(high) << 7)
    }

    /// A message that is all that is left.
    #[inline(always)]
    pub(super) fn last(&mut self, tag: u8) -> Option<()> {
        (self.head(tag)? == self.len()).then_some(())
    }

    #[inline(always)]
    pub(super) fn small(&mut self, tag: u8) -> Option<u8> {
        let [found, number] = *self.take()?;
        (found == tag && number < 0x80).then_some(number)
    }

    #[inline(always)]
    pub(super) fn time(&mut self, tag: u8) -> Option<u64> {
        let [found, bytes @ .., last] = self.take::<TIME>()?;
        let is_time = *found == tag && *last < 0x80 && bytes.iter().all(|byte| *byte >= 0x80);
        let value = bytes
            .iter()
            .rev()
            .fold(u64::from(*last), |value, byte| value << 7 | u64::from(byte & 0x7f));
        is_time.then_some(value)
    }

    /// Whether this field is next.
    pub(super) fn is_next(&self, tag: u8) -> bool {
        self.rest.first() == Some(&tag)
    }

    #[inline(always)]
    pub(super) fn execution(&mut self) -> Option<proto::ExecutionId> {
        let field = self.take::<EXECUTION>()?;
        let is_usual = field[..3] == [tags::EXECUTION, 20, tags::TASK_HIGH]
            && field[11] == tags::TASK_LOW
            && field[20] == tags::ATTEMPT
            && field[21] < 0x80;
        let half = |from: usize| Some(u64::from_le_bytes(*field[from..].first_chunk()?));
        let attempt = u32::from(field[21]);
        is_usual.then_some(proto::ExecutionId { task_high: half(3)?, task_low: half(12)?, attempt })
    }

    /// A payload of this length, all of it; its data shares the memory that it was read into.
    #[inline(always)]
    pub(super) fn payload(&mut self, length: usize) -> Option<proto::Payload> {
        let kind = i32::from(self.small(tags::KIND)?);
        let bytes = self.head(tags::PAYLOAD)?;
        let (data, rest) = self.rest.split_at_checked(bytes)?;
        self.rest = rest;
        let data = self.whole.slice_ref(data);
        (length == bytes + SMALL + HEAD).then_some(proto::Payload { kind, data, size: 0 })
    }
}
