//! Writes common frames: first how long each message is, then its bytes, so that nothing is moved.

use super::MAX_PAYLOAD;
use super::tags;
use crate::proto::{self, outcome};

/// Most bytes in front of a payload, and behind it: a few tags, lengths, numbers and an id.
const MOST_AROUND: usize = 64;

/// A few bytes that are put together before they are copied out.
struct Few {
    bytes: [u8; MOST_AROUND],
    len: usize,
}

/// A start that has nothing that is rare: its execution, and its data if it has some.
pub(super) fn common_start(
    start: &proto::Start,
) -> Option<(proto::ExecutionId, Option<&proto::Payload>)> {
    let is_common = start.lineage.is_none() && start.function.is_empty();
    let data = start.data.as_ref();
    let id = usual(start.execution.filter(|_| is_common)?)?;
    data.is_none_or(is_small).then_some((id, data))
}

/// A verdict that has nothing that is rare: its execution, outcome and value.
pub(super) fn common_verdict(
    finished: &proto::Finished,
) -> Option<(proto::ExecutionId, &proto::Outcome, &proto::Payload)> {
    let outcome = finished.outcome.as_ref()?;
    let Some(outcome::Result::Value(value)) = &outcome.result else { return None };
    let id = usual(finished.execution?)?;
    is_small(value).then_some((id, outcome, value))
}

/// Whether all of the executions are written alike.
pub(super) fn is_common_taken(taken: &proto::ResultsTaken) -> bool {
    taken.executions.iter().all(|id| usual(*id).is_some())
}

fn is_small(payload: &proto::Payload) -> bool {
    payload.size == 0 && payload.data.len() <= MAX_PAYLOAD
}

/// An execution with both halves, and an attempt of one byte: most have them.
fn usual(id: proto::ExecutionId) -> Option<proto::ExecutionId> {
    let is_usual = id.task_high > 0 && id.task_low > 0 && (1..0x80).contains(&id.attempt);
    is_usual.then_some(id)
}

/// Writes a start as a field of its batch.
pub(super) fn start(
    out: &mut Vec<u8>,
    field: u8,
    start: &proto::Start,
    (id, data): (proto::ExecutionId, Option<&proto::Payload>),
) {
    let mut behind = Few::new();
    behind.number(tags::DEADLINE, start.deadline_millis);
    behind.number(tags::PLACEMENT, word(start.placement));
    behind.number(tags::FUNCTION_NUMBER, u64::from(start.function_number));
    let length = tags::USUAL_EXECUTION + data.map_or(0, |data| bytes_field(payload_length(data)));
    let mut front = Few::new();
    front.frame(field, tags::START, length + behind.len);
    front.execution(id);
    if let Some(data) = data {
        front.length(tags::DATA, payload_length(data));
        front.payload(data);
    }
    front.write(out);
    out.extend_from_slice(data.map_or(&[], |data| &data.data));
    behind.write(out);
}

/// Writes a verdict as a field of its batch.
pub(super) fn finished(
    out: &mut Vec<u8>,
    field: u8,
    (id, outcome, value): (proto::ExecutionId, &proto::Outcome, &proto::Payload),
) {
    let mut behind = Few::new();
    if let Some(summary) = outcome.summary {
        let [queued, ran] = [summary.queued_micros, summary.ran_micros];
        let length = number_length(queued) + number_length(ran);
        behind.length(tags::SUMMARY, length);
        behind.number(tags::QUEUED, queued);
        behind.number(tags::RAN, ran);
    }
    let status = word(outcome.status);
    let value_length = payload_length(value);
    let length = number_length(status) + bytes_field(value_length) + behind.len;
    let mut front = Few::new();
    front.frame(field, tags::FINISHED, tags::USUAL_EXECUTION + bytes_field(length));
    front.execution(id);
    front.length(tags::OUTCOME, length);
    front.number(tags::STATUS, status);
    front.length(tags::VALUE, value_length);
    front.payload(value);
    front.write(out);
    out.extend_from_slice(&value.data);
    behind.write(out);
}

/// Writes which results were taken as a field of its batch.
pub(super) fn taken(out: &mut Vec<u8>, field: u8, taken: &proto::ResultsTaken) {
    let mut front = Few::new();
    let length = taken.executions.len() * tags::USUAL_EXECUTION;
    front.frame(field, tags::RESULTS_TAKEN, length);
    front.write(out);
    out.reserve(length);
    taken.executions.iter().for_each(|id| out.extend_from_slice(&execution(*id)));
}

/// The field of an execution that is usual.
#[inline]
fn execution(id: proto::ExecutionId) -> [u8; tags::USUAL_EXECUTION] {
    let mut field = [0; tags::USUAL_EXECUTION];
    field[..3].copy_from_slice(&[tags::EXECUTION, 20, tags::TASK_HIGH]);
    field[3..11].copy_from_slice(&id.task_high.to_le_bytes());
    field[11] = tags::TASK_LOW;
    field[12..20].copy_from_slice(&id.task_low.to_le_bytes());
    field[20..].copy_from_slice(&[tags::ATTEMPT, id.attempt as u8]);
    field
}

/// How long a payload is.
#[inline]
fn payload_length(payload: &proto::Payload) -> usize {
    let data = payload.data.len();
    let data = if data > 0 { bytes_field(data) } else { 0 };
    number_length(word(payload.kind)) + data
}

/// How long a field of so many bytes is.
#[inline]
const fn bytes_field(length: usize) -> usize {
    1 + varint_length(length as u64) + length
}

/// How long the field of a number is, which is left out when it is 0.
#[inline]
const fn number_length(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + varint_length(value) }
}

#[inline]
const fn varint_length(value: u64) -> usize {
    if value < 0x80 { 1 } else { (70 - value.leading_zeros() as usize) / 7 }
}

/// A word of an enum; one below 0 takes ten bytes.
const fn word(word: i32) -> u64 {
    word as i64 as u64
}

impl Few {
    const fn new() -> Self {
        Self { bytes: [0; MOST_AROUND], len: 0 }
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes[..self.len]);
    }

    #[inline(always)]
    const fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// A frame with a message of this length, as a field of its batch.
    #[inline]
    const fn frame(&mut self, field: u8, tag: u8, length: usize) {
        self.length(field, bytes_field(length));
        self.length(tag, length);
    }

    /// The tag of so many bytes, and their length.
    #[inline]
    const fn length(&mut self, tag: u8, length: usize) {
        self.push(tag);
        self.varint(length as u64);
    }

    #[inline]
    fn execution(&mut self, id: proto::ExecutionId) {
        let end = self.len + tags::USUAL_EXECUTION;
        self.bytes[self.len..end].copy_from_slice(&execution(id));
        self.len = end;
    }

    /// What is in front of a payload's bytes.
    #[inline]
    fn payload(&mut self, payload: &proto::Payload) {
        self.number(tags::KIND, word(payload.kind));
        if !payload.data.is_empty() {
            self.length(tags::PAYLOAD, payload.data.len());
        }
    }

    /// A field that is left out when it is 0.
    #[inline]
    const fn number(&mut self, tag: u8, value: u64) {
        if value > 0 {
            self.push(tag);
            self.varint(value);
        }
    }

    #[inline]
    const fn varint(&mut self, mut value: u64) {
        while value > 0x7f {
            self.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.push(value as u8);
    }
}
