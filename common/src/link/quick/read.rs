//! Reads common frames from one piece of memory. Whatever is unusual is `None`: so is a message
//! that comes twice in another, which generated code merges.

use std::ops::Range;

use bytes::Bytes;

use super::tags;
use crate::proto::{self, FromMaster, FromSlave, from_master, from_slave, outcome};

/// What is still to be read, and the memory that it lies in.
struct Cursor<'a> {
    rest: &'a [u8],
    whole: &'a Bytes,
}

pub(super) fn from_master(whole: &Bytes, range: Range<usize>) -> Option<FromMaster> {
    let mut read = FromMaster::default();
    Cursor { rest: whole.get(range)?, whole }.fields(|tag, cursor| {
        match tag {
            tags::SEQ => read.seq = cursor.varint()?,
            tags::ACK => read.ack = cursor.varint()?,
            tags::START if read.frame.is_none() => {
                let frame = from_master::Frame::Start(proto::Start::default());
                let from_master::Frame::Start(start) = read.frame.insert(frame) else {
                    return None;
                };
                read_start(cursor.message()?, start)?;
            }
            tags::RESULTS_TAKEN if read.frame.is_none() => {
                read.frame = Some(from_master::Frame::ResultsTaken(taken(cursor.message()?)?));
            }
            _ => return None,
        }
        Some(())
    })?;
    Some(read)
}

pub(super) fn from_slave(whole: &Bytes, range: Range<usize>) -> Option<FromSlave> {
    let mut read = FromSlave::default();
    Cursor { rest: whole.get(range)?, whole }.fields(|tag, cursor| {
        match tag {
            tags::SEQ => read.seq = cursor.varint()?,
            tags::ACK => read.ack = cursor.varint()?,
            tags::FINISHED if read.frame.is_none() => {
                let frame = from_slave::Frame::Finished(proto::Finished::default());
                let from_slave::Frame::Finished(finished) = read.frame.insert(frame) else {
                    return None;
                };
                read_finished(cursor.message()?, finished)?;
            }
            _ => return None,
        }
        Some(())
    })?;
    Some(read)
}

fn read_start(cursor: Cursor<'_>, start: &mut proto::Start) -> Option<()> {
    cursor.fields(|tag, cursor| {
        match tag {
            tags::EXECUTION if start.execution.is_none() => {
                start.execution = Some(execution(cursor.message()?)?)
            }
            tags::FUNCTION => start.function = cursor.text()?,
            tags::DATA if start.data.is_none() => start.data = Some(payload(cursor.message()?)?),
            tags::DEADLINE => start.deadline_millis = cursor.varint()?,
            tags::PLACEMENT => start.placement = cursor.varint()? as i32,
            tags::FUNCTION_NUMBER => start.function_number = cursor.varint()? as u32,
            _ => return None,
        }
        Some(())
    })
}

fn taken(cursor: Cursor<'_>) -> Option<proto::ResultsTaken> {
    let mut taken = proto::ResultsTaken::default();
    cursor.fields(|tag, cursor| {
        if tag != tags::EXECUTION {
            return None;
        }
        taken.executions.push(execution(cursor.message()?)?);
        Some(())
    })?;
    Some(taken)
}

fn read_finished(cursor: Cursor<'_>, finished: &mut proto::Finished) -> Option<()> {
    cursor.fields(|tag, cursor| {
        match tag {
            tags::EXECUTION if finished.execution.is_none() => {
                finished.execution = Some(execution(cursor.message()?)?)
            }
            tags::OUTCOME if finished.outcome.is_none() => {
                let outcome = finished.outcome.insert(proto::Outcome::default());
                read_outcome(cursor.message()?, outcome)?;
            }
            _ => return None,
        }
        Some(())
    })
}

fn read_outcome(cursor: Cursor<'_>, outcome: &mut proto::Outcome) -> Option<()> {
    cursor.fields(|tag, cursor| {
        match tag {
            tags::STATUS => outcome.status = cursor.varint()? as i32,
            tags::VALUE if outcome.result.is_none() => {
                outcome.result = Some(outcome::Result::Value(payload(cursor.message()?)?));
            }
            tags::SUMMARY if outcome.summary.is_none() => {
                outcome.summary = Some(summary(cursor.message()?)?)
            }
            _ => return None,
        }
        Some(())
    })
}

fn summary(cursor: Cursor<'_>) -> Option<proto::Summary> {
    let mut summary = proto::Summary::default();
    cursor.fields(|tag, cursor| {
        match tag {
            tags::QUEUED => summary.queued_micros = cursor.varint()?,
            tags::RAN => summary.ran_micros = cursor.varint()?,
            _ => return None,
        }
        Some(())
    })?;
    Some(summary)
}

fn execution(cursor: Cursor<'_>) -> Option<proto::ExecutionId> {
    if let Some(id) = usual_execution(cursor.rest) {
        return Some(id);
    }
    let mut id = proto::ExecutionId::default();
    cursor.fields(|tag, cursor| {
        match tag {
            tags::TASK_HIGH => id.task_high = cursor.fixed()?,
            tags::TASK_LOW => id.task_low = cursor.fixed()?,
            tags::ATTEMPT => id.attempt = cursor.varint()? as u32,
            _ => return None,
        }
        Some(())
    })?;
    Some(id)
}

/// Both halves, and an attempt of one byte, in their order.
#[inline]
fn usual_execution(field: &[u8]) -> Option<proto::ExecutionId> {
    let field: &[u8; 20] = field.try_into().ok()?;
    let is_usual = field[0] == tags::TASK_HIGH
        && field[9] == tags::TASK_LOW
        && field[18] == tags::ATTEMPT
        && field[19] < 0x80;
    let half = |from: usize| Some(u64::from_le_bytes(field[from..from + 8].try_into().ok()?));
    let attempt = u32::from(field[19]);
    is_usual.then_some(proto::ExecutionId { task_high: half(1)?, task_low: half(10)?, attempt })
}

fn payload(cursor: Cursor<'_>) -> Option<proto::Payload> {
    let mut payload = proto::Payload::default();
    cursor.fields(|tag, cursor| {
        match tag {
            tags::KIND => payload.kind = cursor.varint()? as i32,
            tags::PAYLOAD => payload.data = cursor.bytes()?,
            _ => return None,
        }
        Some(())
    })?;
    Some(payload)
}

impl<'a> Cursor<'a> {
    /// Reads field by field to the end.
    #[inline]
    fn fields(mut self, mut read: impl FnMut(u8, &mut Self) -> Option<()>) -> Option<()> {
        while let Some((tag, rest)) = self.rest.split_first() {
            self.rest = rest;
            read(*tag, &mut self)?;
        }
        Some(())
    }

    #[inline]
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

    #[inline]
    fn fixed(&mut self) -> Option<u64> {
        let (fixed, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(u64::from_le_bytes(*fixed))
    }

    /// The next bytes, as many as their length says, if there are so many.
    #[inline]
    fn slice(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (slice, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(slice)
    }

    #[inline]
    fn message(&mut self) -> Option<Self> {
        Some(Self { rest: self.slice()?, whole: self.whole })
    }

    fn bytes(&mut self) -> Option<Bytes> {
        Some(self.whole.slice_ref(self.slice()?))
    }

    fn text(&mut self) -> Option<String> {
        std::str::from_utf8(self.slice()?).ok().map(str::to_owned)
    }
}
