//! Reads common frames from one piece of memory, field by field in the order in which they are
//! written. Whatever is unusual is `None`: a field out of order, twice, or unknown.

use std::ops::Range;

use bytes::Bytes;

use super::tags;
use crate::proto::{self, FromMaster, FromSlave, from_master, from_slave, outcome};

/// What is still to be read, and the memory that it lies in.
struct Cursor<'a> {
    rest: &'a [u8],
    whole: &'a Bytes,
}

pub(super) fn from_master(
    whole: &Bytes,
    range: Range<usize>,
    into: &mut Vec<FromMaster>,
) -> Option<()> {
    let mut cursor = Cursor { rest: whole.get(range)?, whole };
    let frame = if let Some(start) = cursor.message(tags::START) {
        from_master::Frame::Start(read_start(start)?)
    } else {
        from_master::Frame::ResultsTaken(read_taken(cursor.message(tags::RESULTS_TAKEN)?)?)
    };
    cursor.end()?;
    into.push(FromMaster { frame: Some(frame) });
    Some(())
}

pub(super) fn from_slave(
    whole: &Bytes,
    range: Range<usize>,
    into: &mut Vec<FromSlave>,
) -> Option<()> {
    let mut cursor = Cursor { rest: whole.get(range)?, whole };
    let mut finished = cursor.message(tags::FINISHED)?;
    let execution = Some(finished.execution()?);
    let mut ended = finished.message(tags::OUTCOME)?;
    let status = ended.number(tags::STATUS)? as i32;
    let value = ended.message(tags::VALUE)?.payload()?;
    let summary = match ended.message(tags::SUMMARY) {
        Some(summary) => Some(read_summary(summary)?),
        None => None,
    };
    for message in [cursor, finished, ended] {
        message.end()?;
    }
    let result = Some(outcome::Result::Value(value));
    let outcome = Some(proto::Outcome { status, result, summary });
    let frame = from_slave::Frame::Finished(proto::Finished { execution, outcome });
    into.push(FromSlave { frame: Some(frame) });
    Some(())
}

#[inline]
fn read_start(mut cursor: Cursor<'_>) -> Option<proto::Start> {
    let start = proto::Start {
        execution: Some(cursor.execution()?),
        function: String::new(),
        data: match cursor.message(tags::DATA) {
            Some(data) => Some(data.payload()?),
            None => None,
        },
        deadline_millis: cursor.number(tags::DEADLINE)?,
        placement: cursor.number(tags::PLACEMENT)? as i32,
        lineage: None,
        function_number: cursor.number(tags::FUNCTION_NUMBER)? as u32,
    };
    cursor.end()?;
    Some(start)
}

fn read_taken(mut cursor: Cursor<'_>) -> Option<proto::ResultsTaken> {
    let mut executions = Vec::with_capacity(cursor.rest.len() / tags::USUAL_EXECUTION);
    while !cursor.rest.is_empty() {
        executions.push(cursor.execution()?);
    }
    Some(proto::ResultsTaken { executions })
}

#[inline]
fn read_summary(mut cursor: Cursor<'_>) -> Option<proto::Summary> {
    let queued_micros = cursor.number(tags::QUEUED)?;
    let ran_micros = cursor.number(tags::RAN)?;
    cursor.end()?;
    Some(proto::Summary { queued_micros, ran_micros })
}

impl<'a> Cursor<'a> {
    /// Goes past a tag, if it is the next.
    #[inline(always)]
    fn is_next(&mut self, tag: u8) -> bool {
        match self.rest.split_first() {
            Some((next, rest)) if *next == tag => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Nothing may be left.
    #[inline]
    fn end(&self) -> Option<()> {
        self.rest.is_empty().then_some(())
    }

    /// A field that is left out when it is 0.
    #[inline(always)]
    fn number(&mut self, tag: u8) -> Option<u64> {
        if self.is_next(tag) { self.varint() } else { Some(0) }
    }

    #[inline(always)]
    fn varint(&mut self) -> Option<u64> {
        let (first, rest) = self.rest.split_first()?;
        if *first < 0x80 {
            self.rest = rest;
            Some(u64::from(*first))
        } else {
            self.long_varint()
        }
    }

    fn long_varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for (at, byte) in self.rest.iter().enumerate().take(10) {
            if at == 9 && *byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if *byte < 0x80 {
                self.rest = &self.rest[at + 1..];
                return Some(value);
            }
        }
        None
    }

    /// A field that is a message or bytes; `None` when another is next, or it is cut short.
    #[inline(always)]
    fn slice(&mut self, tag: u8) -> Option<&'a [u8]> {
        if !self.is_next(tag) {
            return None;
        }
        let length = usize::try_from(self.varint()?).ok()?;
        let (slice, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(slice)
    }

    #[inline(always)]
    fn message(&mut self, tag: u8) -> Option<Self> {
        Some(Self { rest: self.slice(tag)?, whole: self.whole })
    }

    /// The execution that is next: both halves, and an attempt of one byte, in their order.
    #[inline(always)]
    fn execution(&mut self) -> Option<proto::ExecutionId> {
        let (field, rest) = self.rest.split_first_chunk::<{ tags::USUAL_EXECUTION }>()?;
        let is_usual = field[..3] == [tags::EXECUTION, 20, tags::TASK_HIGH]
            && field[11] == tags::TASK_LOW
            && field[20] == tags::ATTEMPT
            && field[21] < 0x80;
        self.rest = rest;
        let half = |from: usize| Some(u64::from_le_bytes(*field[from..].first_chunk()?));
        let attempt = u32::from(field[21]);
        is_usual.then_some(proto::ExecutionId { task_high: half(3)?, task_low: half(12)?, attempt })
    }

    #[inline]
    fn payload(mut self) -> Option<proto::Payload> {
        let kind = self.number(tags::KIND)? as i32;
        let data = match self.slice(tags::PAYLOAD) {
            Some(data) => self.whole.slice_ref(data),
            None => Bytes::new(),
        };
        self.end()?;
        Some(proto::Payload { kind, data, size: 0 })
    }
}
