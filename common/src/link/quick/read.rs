//! Reads common frames from one piece of memory. Whatever is unusual is `None`: so is a message
//! that comes twice in another, which generated code merges.

use std::ops::Range;

use bytes::Bytes;

use super::tags;
use crate::proto::{self, FromMaster, FromSlave, from_master, from_slave, outcome};

/// Where to read on, and where to stop.
struct Cursor<'a> {
    whole: &'a Bytes,
    at: usize,
    end: usize,
}

pub(super) fn from_master(whole: &Bytes, range: Range<usize>) -> Option<FromMaster> {
    let mut read = FromMaster::default();
    Cursor { whole, at: range.start, end: range.end }.fields(|tag, cursor| {
        match tag {
            tags::SEQ => read.seq = cursor.varint()?,
            tags::ACK => read.ack = cursor.varint()?,
            tags::START if read.frame.is_none() => {
                read.frame = Some(from_master::Frame::Start(start(cursor.message()?)?));
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
    Cursor { whole, at: range.start, end: range.end }.fields(|tag, cursor| {
        match tag {
            tags::SEQ => read.seq = cursor.varint()?,
            tags::ACK => read.ack = cursor.varint()?,
            tags::FINISHED if read.frame.is_none() => {
                read.frame = Some(from_slave::Frame::Finished(finished(cursor.message()?)?));
            }
            _ => return None,
        }
        Some(())
    })?;
    Some(read)
}

fn start(cursor: Cursor<'_>) -> Option<proto::Start> {
    let mut start = proto::Start::default();
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
    })?;
    Some(start)
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

fn finished(cursor: Cursor<'_>) -> Option<proto::Finished> {
    let mut finished = proto::Finished::default();
    cursor.fields(|tag, cursor| {
        match tag {
            tags::EXECUTION if finished.execution.is_none() => {
                finished.execution = Some(execution(cursor.message()?)?)
            }
            tags::OUTCOME if finished.outcome.is_none() => {
                finished.outcome = Some(outcome(cursor.message()?)?)
            }
            _ => return None,
        }
        Some(())
    })?;
    Some(finished)
}

fn outcome(cursor: Cursor<'_>) -> Option<proto::Outcome> {
    let mut outcome = proto::Outcome::default();
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
    })?;
    Some(outcome)
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
        while self.at < self.end {
            let tag = self.byte()?;
            read(tag, &mut self)?;
        }
        Some(())
    }

    #[inline]
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.whole[..self.end].get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    #[inline]
    fn varint(&mut self) -> Option<u64> {
        let first = self.byte()?;
        if first < 0x80 { Some(u64::from(first)) } else { self.long_varint(first) }
    }

    fn long_varint(&mut self, first: u8) -> Option<u64> {
        let mut value = u64::from(first & 0x7f);
        for shift in 1..=9 {
            let byte = self.byte()?;
            if shift == 9 && byte > 1 {
                return None;
            }
            value |= u64::from(byte & 0x7f) << (7 * shift);
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    #[inline]
    fn fixed(&mut self) -> Option<u64> {
        let range = self.take(8)?;
        Some(u64::from_le_bytes(self.whole[range].try_into().ok()?))
    }

    /// The next bytes, if there are so many.
    #[inline]
    fn take(&mut self, length: usize) -> Option<Range<usize>> {
        let from = self.at;
        let until = from.checked_add(length).filter(|until| *until <= self.end)?;
        self.at = until;
        Some(from..until)
    }

    #[inline]
    fn range(&mut self) -> Option<Range<usize>> {
        let length = usize::try_from(self.varint()?).ok()?;
        self.take(length)
    }

    #[inline]
    fn message(&mut self) -> Option<Self> {
        let Range { start, end } = self.range()?;
        Some(Self { whole: self.whole, at: start, end })
    }

    fn bytes(&mut self) -> Option<Bytes> {
        let range = self.range()?;
        Some(self.whole.slice(range))
    }

    fn text(&mut self) -> Option<String> {
        let range = self.range()?;
        std::str::from_utf8(&self.whole[range]).ok().map(str::to_owned)
    }
}
