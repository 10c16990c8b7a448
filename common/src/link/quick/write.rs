//! Writes common frames in one pass: a length is put in when what it counts is written.

use super::MAX_PAYLOAD;
use super::tags::{self, ACK, SEQ};
use crate::proto::{self, outcome};

/// Whether a start has nothing that is rare.
pub(super) fn is_common_start(start: &proto::Start) -> bool {
    let is_small = |data: &proto::Payload| data.size == 0 && data.data.len() <= MAX_PAYLOAD;
    start.lineage.is_none() && start.data.as_ref().is_none_or(is_small)
}

/// The outcome of a verdict that has nothing that is rare, and its value.
pub(super) fn common_outcome(
    finished: &proto::Finished,
) -> Option<(&proto::Outcome, &proto::Payload)> {
    let outcome = finished.outcome.as_ref()?;
    let Some(outcome::Result::Value(value)) = &outcome.result else { return None };
    (value.size == 0 && value.data.len() <= MAX_PAYLOAD).then_some((outcome, value))
}

/// What every frame begins with.
pub(super) fn head(out: &mut Vec<u8>, seq: u64, ack: u64) {
    number(out, SEQ, seq);
    number(out, ACK, ack);
}

pub(super) fn start(out: &mut Vec<u8>, start: &proto::Start) {
    message(out, tags::START, |out| {
        execution(out, start.execution);
        if !start.function.is_empty() {
            bytes(out, tags::FUNCTION, start.function.as_bytes());
        }
        if let Some(data) = &start.data {
            message(out, tags::DATA, |out| payload(out, data));
        }
        number(out, tags::DEADLINE, start.deadline_millis);
        number(out, tags::PLACEMENT, word(start.placement));
        number(out, tags::FUNCTION_NUMBER, u64::from(start.function_number));
    });
}

pub(super) fn taken(out: &mut Vec<u8>, taken: &proto::ResultsTaken) {
    message(out, tags::RESULTS_TAKEN, |out| {
        taken.executions.iter().for_each(|id| execution(out, Some(*id)));
    });
}

pub(super) fn finished(
    out: &mut Vec<u8>,
    id: Option<proto::ExecutionId>,
    outcome: &proto::Outcome,
    value: &proto::Payload,
) {
    message(out, tags::FINISHED, |out| {
        execution(out, id);
        message(out, tags::OUTCOME, |out| {
            number(out, tags::STATUS, word(outcome.status));
            message(out, tags::VALUE, |out| payload(out, value));
            if let Some(summary) = outcome.summary {
                message(out, tags::SUMMARY, |out| {
                    number(out, tags::QUEUED, summary.queued_micros);
                    number(out, tags::RAN, summary.ran_micros);
                });
            }
        });
    });
}

fn execution(out: &mut Vec<u8>, id: Option<proto::ExecutionId>) {
    let Some(id) = id else { return };
    if id.task_high > 0 && id.task_low > 0 && (1..0x80).contains(&id.attempt) {
        return usual_execution(out, id);
    }
    message(out, tags::EXECUTION, |out| {
        fixed(out, tags::TASK_HIGH, id.task_high);
        fixed(out, tags::TASK_LOW, id.task_low);
        number(out, tags::ATTEMPT, u64::from(id.attempt));
    });
}

/// Both halves, and an attempt of one byte: a length that is known, and one step.
fn usual_execution(out: &mut Vec<u8>, id: proto::ExecutionId) {
    let mut field = [0; tags::USUAL_EXECUTION];
    field[..3].copy_from_slice(&[tags::EXECUTION, 20, tags::TASK_HIGH]);
    field[3..11].copy_from_slice(&id.task_high.to_le_bytes());
    field[11] = tags::TASK_LOW;
    field[12..20].copy_from_slice(&id.task_low.to_le_bytes());
    field[20..].copy_from_slice(&[tags::ATTEMPT, id.attempt as u8]);
    out.extend_from_slice(&field);
}

fn payload(out: &mut Vec<u8>, payload: &proto::Payload) {
    number(out, tags::KIND, word(payload.kind));
    if !payload.data.is_empty() {
        bytes(out, tags::PAYLOAD, &payload.data);
    }
}

/// A word of an enum; one below 0 takes ten bytes.
const fn word(word: i32) -> u64 {
    word as i64 as u64
}

/// A field that is left out when it is 0.
#[inline]
fn number(out: &mut Vec<u8>, tag: u8, value: u64) {
    match value {
        0 => {}
        1..0x80 => out.extend_from_slice(&[tag, value as u8]),
        _ => {
            out.push(tag);
            varint(out, value);
        }
    }
}

/// A field that is left out when it is 0.
fn fixed(out: &mut Vec<u8>, tag: u8, value: u64) {
    if value > 0 {
        out.push(tag);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn bytes(out: &mut Vec<u8>, tag: u8, value: &[u8]) {
    out.push(tag);
    varint(out, value.len() as u64);
    out.extend_from_slice(value);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A field that is a message.
fn message(out: &mut Vec<u8>, tag: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[tag, 0]);
    let begin = out.len();
    write(out);
    put_length(out, begin);
}

/// Puts in the length of what was written since: most messages are shorter than 128 bytes, and the
/// byte that was left for it is enough.
pub(super) fn put_length(out: &mut Vec<u8>, begin: usize) {
    let length = out.len() - begin;
    if length < 0x80 {
        out[begin - 1] = length as u8;
    } else {
        put_long_length(out, begin, length);
    }
}

/// Makes room for a length of several bytes, and writes it.
fn put_long_length(out: &mut Vec<u8>, begin: usize, length: usize) {
    let bits = (usize::BITS - length.leading_zeros()) as usize;
    let more = bits.div_ceil(7) - 1;
    out.resize(begin + length + more, 0);
    out.copy_within(begin..begin + length, begin + more);
    for at in 0..more {
        out[begin - 1 + at] = (length >> (7 * at)) as u8 | 0x80;
    }
    out[begin - 1 + more] = (length >> (7 * more)) as u8;
}
