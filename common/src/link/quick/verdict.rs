//! The verdict of a run that completed with a small value.

use bytes::Bytes;

use super::shape::{self, EXECUTION, HEAD, MAX_TIME, SMALL, Shape, TIME, is_small};
use super::{MAX_PAYLOAD, Short, tags};
use crate::link::Lane;
use crate::proto::{self, FromSlave, Status, from_slave::Frame, outcome};

/// What a common verdict says.
#[derive(Clone, Copy, Debug)]
pub struct ShortVerdict<'a> {
    /// Which run.
    pub execution: proto::ExecutionId,
    /// How to read the value, as a number of `proto::PayloadKind`.
    pub kind: i32,
    /// What the function returned.
    pub value: &'a Bytes,
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

impl<'a> ShortVerdict<'a> {
    pub(super) fn of(finished: &'a proto::Finished) -> Option<Self> {
        let outcome = finished.outcome.as_ref()?;
        let Some(outcome::Result::Value(value)) = &outcome.result else { return None };
        let is_common =
            outcome.status == i32::from(COMPLETED) && value.size == 0 && outcome.measured.is_none();
        let (execution, summary) = (finished.execution.filter(|_| is_common)?, outcome.summary?);
        Some(Self { execution, kind: value.kind, value: &value.data, summary })
    }
}

impl Short<FromSlave> for ShortVerdict<'_> {
    const LANE: Lane = Lane::Verdict;

    #[inline]
    fn fits(&self) -> bool {
        let proto::Summary { queued_micros, ran_micros } = self.summary;
        is_small(self.execution.attempt)
            && is_small(self.kind as u32)
            && self.value.len() <= MAX_PAYLOAD
            && queued_micros.max(ran_micros) <= MAX_TIME
    }

    fn has_deadline(&self) -> bool {
        false
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        let bytes = self.value.len();
        let payload = SMALL + HEAD + bytes;
        let outcome = SMALL + HEAD + payload + BEHIND;
        let finished = EXECUTION + HEAD + outcome;
        let mut front = IN_FRONT.bytes;
        shape::put_length(&mut front, 0, HEAD + finished);
        shape::put_length(&mut front, FINISHED, finished);
        shape::put_execution(&mut front, RUN, self.execution);
        shape::put_length(&mut front, OUTCOME, outcome);
        shape::put_length(&mut front, VALUE, payload);
        front[KIND + 1] = self.kind as u8;
        shape::put_length(&mut front, BYTES, bytes);
        let mut behind = SUMMARY.bytes;
        shape::put_length(&mut behind, 0, BEHIND - HEAD);
        shape::put_time(&mut behind, QUEUED, self.summary.queued_micros);
        shape::put_time(&mut behind, RAN, self.summary.ran_micros);
        out.reserve(HEAD + HEAD + finished);
        out.extend_from_slice(&front);
        out.extend_from_slice(self.value);
        out.extend_from_slice(&behind);
    }

    fn to_frame(&self) -> FromSlave {
        let value = proto::Payload { kind: self.kind, data: self.value.clone(), size: 0 };
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

/// Reads a verdict from its frame, as a field of its batch.
#[inline(always)]
pub(super) fn read(frame: &[u8], whole: &Bytes) -> Option<proto::Finished> {
    let (front, rest) = frame.split_first_chunk::<FRONT>()?;
    let bytes = shape::length(front, BYTES);
    let (value, behind) = rest.split_at_checked(bytes)?;
    let behind: &[u8; BEHIND] = behind.try_into().ok()?;
    let payload = SMALL + HEAD + bytes;
    let are_lengths = shape::length(front, 0) == frame.len() - HEAD
        && shape::length(front, FINISHED) == frame.len() - RUN
        && shape::length(front, OUTCOME) == frame.len() - OUTCOME - HEAD
        && shape::length(front, VALUE) == payload
        && shape::length(behind, 0) == BEHIND - HEAD;
    if !are_lengths || !IN_FRONT.fits(front) || !SUMMARY.fits(behind) {
        return None;
    }
    let kind = i32::from(front[KIND + 1]);
    let value = proto::Payload { kind, data: whole.slice_ref(value), size: 0 };
    let outcome = proto::Outcome {
        status: Status::Completed.into(),
        result: Some(outcome::Result::Value(value)),
        summary: Some(proto::Summary {
            queued_micros: shape::time(behind, QUEUED),
            ran_micros: shape::time(behind, RAN),
        }),
        measured: None,
    };
    Some(proto::Finished { execution: shape::execution(front, RUN), outcome: Some(outcome) })
}
