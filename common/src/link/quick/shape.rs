//! What common frames are made of: fields that lie where they are known to.
//!
//! Lengths take two bytes, and times five, be they needed or not: every reader of protobuf takes
//! that. A [`Shape`] says which bits of such fields are always the same; whoever reads compares them
//! all at once, and whoever writes begins with them.

use super::tags;
use crate::proto;

/// Bytes of an execution, with its tag.
pub(super) const EXECUTION: usize = 22;
/// Bytes of a number that takes one, with its tag.
pub(super) const SMALL: usize = 2;
/// Bytes of the tag of a longer field, and its length.
pub(super) const HEAD: usize = 3;
/// Bytes of a time, with its tag.
pub(super) const TIME: usize = 6;

/// Most that a length says.
const MAX_LENGTH: u32 = (1 << 14) - 1;
/// Most that a time says, in its unit.
pub(super) const MAX_TIME: u64 = (1 << 35) - 1;

/// The bit that says that a number goes on.
const MORE: u8 = 0x80;

/// Whether a number takes one byte.
pub(super) const fn is_small(number: u32) -> bool {
    number < MORE as u32
}

/// Whether a number is written as a length is.
pub(super) const fn is_length(number: u32) -> bool {
    number <= MAX_LENGTH
}

/// Fields of `N` bytes.
pub(super) struct Shape<const N: usize> {
    /// Which bits are always the same.
    mask: [u8; N],
    /// And what they are; the others are 0.
    bytes: [u8; N],
    /// How many bytes are said.
    len: usize,
}

/// How a shape is said, field by field.
impl<const N: usize> Shape<N> {
    pub(super) const fn new() -> Self {
        Self { mask: [0; N], bytes: [0; N], len: 0 }
    }

    const fn bits(mut self, mask: u8, bits: u8) -> Self {
        self.mask[self.len] = mask;
        self.bytes[self.len] = bits;
        self.len += 1;
        self
    }

    const fn byte(self, byte: u8) -> Self {
        self.bits(u8::MAX, byte)
    }

    /// So many bytes of anything.
    const fn any(mut self, bytes: usize) -> Self {
        self.len += bytes;
        self
    }

    /// A field that is longer.
    pub(super) const fn head(self, tag: u8) -> Self {
        self.byte(tag).bits(MORE, MORE).bits(MORE, 0)
    }

    /// A number of one byte.
    pub(super) const fn small(self, tag: u8) -> Self {
        self.byte(tag).bits(MORE, 0)
    }

    /// A number of one byte that is always the same.
    pub(super) const fn always(self, tag: u8, number: u8) -> Self {
        self.byte(tag).byte(number)
    }

    pub(super) const fn time(self, tag: u8) -> Self {
        let four = self.byte(tag).bits(MORE, MORE).bits(MORE, MORE).bits(MORE, MORE);
        four.bits(MORE, MORE).bits(MORE, 0)
    }

    pub(super) const fn execution(self) -> Self {
        let high = self.byte(tags::EXECUTION).byte(EXECUTION as u8 - 2).byte(tags::TASK_HIGH);
        high.any(8).byte(tags::TASK_LOW).any(8).small(tags::ATTEMPT)
    }

    /// Adds fields of this shape, to be filled in where they stay: a copy of what was just filled in
    /// would have to wait for it.
    #[inline(always)]
    pub(super) fn add<'a>(&self, out: &'a mut Vec<u8>) -> &'a mut [u8; N] {
        out.extend_from_slice(&self.bytes);
        out.last_chunk_mut().expect("so many bytes were just added")
    }

    /// Whether fields have it. By the word: by the byte it would cost three times as much.
    #[inline(always)]
    pub(super) fn fits(&self, fields: &[u8; N]) -> bool {
        let [(fields, rest), (mask, mask_rest), (bytes, bytes_rest)] =
            [fields, &self.mask, &self.bytes].map(|all| all.as_chunks::<8>());
        let word = |word: &[u8; 8]| u64::from_le_bytes(*word);
        let words = fields.iter().zip(mask).zip(bytes);
        let differs = words.fold(0, |differs, ((found, mask), same)| {
            differs | (word(found) & word(mask) ^ word(same))
        });
        let rest = rest.iter().zip(mask_rest).zip(bytes_rest);
        rest.fold(differs, |differs, ((found, mask), same)| {
            differs | u64::from(found & mask ^ same)
        }) == 0
    }
}

/// The length of the field that begins here, or its number.
#[inline(always)]
pub(super) const fn length(fields: &[u8], at: usize) -> usize {
    (fields[at + 1] & !MORE) as usize | (fields[at + 2] as usize) << 7
}

#[inline(always)]
pub(super) const fn put_length(fields: &mut [u8], at: usize, length: usize) {
    fields[at + 1] = length as u8 | MORE;
    fields[at + 2] = (length >> 7) as u8;
}

/// The time in the field that begins here.
#[inline(always)]
pub(super) fn time(fields: &[u8], at: usize) -> u64 {
    let bytes = fields[at + 1..at + TIME].iter().rev();
    bytes.fold(0, |time, byte| time << 7 | u64::from(byte & !MORE))
}

#[inline(always)]
pub(super) fn put_time(fields: &mut [u8], at: usize, time: u64) {
    // Seven bits a byte, all of them at once; all but the last byte say that the number goes on.
    let spread =
        (0..5).fold(0x8080_8080, |spread, place| spread | (time << place & 0x7f << (8 * place)));
    fields[at + 1..at + TIME].copy_from_slice(&spread.to_le_bytes()[..TIME - 1]);
}

/// The execution in the field that begins here.
#[inline(always)]
pub(super) fn execution(fields: &[u8], at: usize) -> proto::ExecutionId {
    let half = |at: usize| {
        let mut half = [0; 8];
        half.copy_from_slice(&fields[at..at + 8]);
        u64::from_le_bytes(half)
    };
    let attempt = u32::from(fields[at + EXECUTION - 1]);
    proto::ExecutionId { task_high: half(at + 3), task_low: half(at + 12), attempt }
}

#[inline(always)]
pub(super) fn put_execution(fields: &mut [u8], at: usize, id: proto::ExecutionId) {
    fields[at + 3..at + 11].copy_from_slice(&id.task_high.to_le_bytes());
    fields[at + 12..at + 20].copy_from_slice(&id.task_low.to_le_bytes());
    fields[at + EXECUTION - 1] = id.attempt as u8;
}
