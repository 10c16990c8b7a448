//! The verdict of a run that completed with a small value.

use std::borrow::Borrow;

use bytes::Bytes;

use super::shape::{self, EXECUTION, HEAD, MAX_TIME, SMALL, Shape, TIME, is_small};
use super::{MAX_PAYLOAD, Short, tags};
use crate::link::Lane;
use crate::proto::{self, FromSlave, Status, from_slave::Frame, outcome};

/// What a common verdict says; its value is lent where it is written, and its own where it was read.
#[derive(Clone, Copy, Debug)]
pub struct ShortVerdict<V> {
    /// Which run.
    pub execution: proto::ExecutionId,
    /// How to read the value, as a number of `proto::PayloadKind`.
    pub kind: i32,
    /// What the function returned.
    pub value: V,
    /// Figures about the run.
    pub summary: proto::Summary,
}

/// The word of the only status that comes with a value.
const COMPLETED: u8 = Status::Completed as u8;

/// Where each field is that stands in front of the value: the frame, the verdict, its execution, the
/// outcome with its status, the payload with its kind, and the bytes themselves.
const FINISHED: usize = HEAD;
const RUN: usize = FINISHED + HEAD;
const OUTCOME: usize = RUN + EXECUTION;
const VALUE: usize = OUTCOME + HEAD + SMALL;
const KIND: usize = VALUE + HEAD;
const BYTES: usize = KIND + SMALL;
const FRONT: usize = BYTES + HEAD;

/// And behind it: the summary with its times.
const QUEUED: usize = HEAD;
const RAN: usize = QUEUED + TIME;
const BEHIND: usize = RAN + TIME;

const IN_FRONT: Shape<FRONT> = Shape::new()
    .head(super::FIELD)
    .head(tags::FINISHED)
    .execution()
    .head(tags::OUTCOME)
    .always(tags::STATUS, COMPLETED)
    .head(tags::VALUE)
    .small(tags::KIND)
    .head(tags::PAYLOAD);

const SUMMARY: Shape<BEHIND> = Shape::new().head(tags::SUMMARY).time(tags::QUEUED).time(tags::RAN);

impl<'a> ShortVerdict<&'a Bytes> {
    pub(super) fn of(finished: &'a proto::Finished) -> Option<Self> {
        let outcome = finished.outcome.as_ref()?;
        let Some(outcome::Result::Value(value)) = &outcome.result else { return None };
        let is_common =
            outcome.status == i32::from(COMPLETED) && value.size == 0 && outcome.measured.is_none();
        let (execution, summary) = (finished.execution.filter(|_| is_common)?, outcome.summary?);
        Some(Self { execution, kind: value.kind, value: &value.data, summary })
    }
}

impl<V: Borrow<Bytes>> Short<FromSlave> for ShortVerdict<V> {
    const LANE: Lane = Lane::Verdict;

    #[inline]
    fn fits(&self) -> bool {
        let proto::Summary { queued_micros, ran_micros } = self.summary;
        is_small(self.execution.attempt)
            && is_small(self.kind as u32)
            && self.value.borrow().len() <= MAX_PAYLOAD
            && queued_micros.max(ran_micros) <= MAX_TIME
    }

    fn has_deadline(&self) -> bool {
        false
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        let value = self.value.borrow();
        let bytes = value.len();
        let payload = SMALL + HEAD + bytes;
        let outcome = SMALL + HEAD + payload + BEHIND;
        let finished = EXECUTION + HEAD + outcome;
        out.reserve(HEAD + HEAD + finished);
        let front = IN_FRONT.add(out);
        shape::put_length(front, 0, HEAD + finished);
        shape::put_length(front, FINISHED, finished);
        shape::put_execution(front, RUN, self.execution);
        shape::put_length(front, OUTCOME, outcome);
        shape::put_length(front, VALUE, payload);
        front[KIND + 1] = self.kind as u8;
        shape::put_length(front, BYTES, bytes);
        out.extend_from_slice(value);
        let behind = SUMMARY.add(out);
        shape::put_length(behind, 0, BEHIND - HEAD);
        shape::put_time(behind, QUEUED, self.summary.queued_micros);
        shape::put_time(behind, RAN, self.summary.ran_micros);
    }

    fn to_frame(&self) -> FromSlave {
        let value = proto::Payload { kind: self.kind, data: self.value.borrow().clone(), size: 0 };
        let outcome = Some(proto::Outcome {
            status: Status::Completed.into(),
            result: Some(outcome::Result::Value(value)),
            summary: Some(self.summary),
            measured: None,
        });
        let finished = proto::Finished { execution: Some(self.execution), outcome };
        FromSlave { frame: Some(Frame::Finished(finished)) }
    }
}

/// Whether a field of a batch is a common verdict.
#[inline(always)]
pub(super) fn is_common(field: &[u8]) -> bool {
    has_shape(field).is_some_and(|has_shape| has_shape)
}

#[inline(always)]
fn has_shape(field: &[u8]) -> Option<bool> {
    let (front, rest) = field.split_first_chunk::<FRONT>()?;
    let bytes = shape::length(front, BYTES);
    let behind: &[u8; BEHIND] = rest.get(bytes..)?.try_into().ok()?;
    let are_lengths = shape::length(front, 0) == field.len() - HEAD
        && shape::length(front, FINISHED) == field.len() - RUN
        && shape::length(front, OUTCOME) == field.len() - OUTCOME - HEAD
        && shape::length(front, VALUE) == SMALL + HEAD + bytes
        && shape::length(behind, 0) == BEHIND - HEAD;
    Some(are_lengths && IN_FRONT.fits(front) && SUMMARY.fits(behind))
}

/// Which run a common verdict is of.
#[inline(always)]
pub(super) fn execution(field: &[u8]) -> Option<proto::ExecutionId> {
    Some(shape::execution(field.first_chunk::<FRONT>()?, RUN))
}

/// Reads a common verdict.
#[inline(always)]
pub(super) fn read(field: &[u8], whole: &Bytes) -> Option<ShortVerdict<Bytes>> {
    let (front, rest) = field.split_first_chunk::<FRONT>()?;
    let (value, behind) = rest.split_at_checked(shape::length(front, BYTES))?;
    let behind = behind.first_chunk::<BEHIND>()?;
    let summary = proto::Summary {
        queued_micros: shape::time(behind, QUEUED),
        ran_micros: shape::time(behind, RAN),
    };
    let (execution, kind) = (shape::execution(front, RUN), i32::from(front[KIND + 1]));
    Some(ShortVerdict { execution, kind, value: whole.slice_ref(value), summary })
}
