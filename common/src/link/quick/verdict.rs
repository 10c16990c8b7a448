//! The verdict of a run that completed with a small value.

use bytes::Bytes;

use super::shape::time;
use super::shape::{EXECUTION, Fields, HEAD, MAX_TIME, SMALL, TIME, execution, head, is_small};
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

/// What is in front of the value: the frame, the verdict, its execution, the outcome with its
/// status, and the payload's kind.
const FRONT: usize = HEAD + HEAD + EXECUTION + HEAD + SMALL + HEAD + SMALL + HEAD;

/// What the summary says.
const SUMMARY: usize = TIME + TIME;

impl<'a> ShortVerdict<'a> {
    pub(super) fn of(finished: &'a proto::Finished) -> Option<Self> {
        let outcome = finished.outcome.as_ref()?;
        let Some(outcome::Result::Value(value)) = &outcome.result else { return None };
        let is_common = outcome.status == i32::from(COMPLETED) && value.size == 0;
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
    fn write(&self, field: u8, out: &mut Vec<u8>) {
        let value = self.value.len();
        let payload = SMALL + HEAD + value;
        let outcome = SMALL + HEAD + payload + HEAD + SUMMARY;
        let finished = EXECUTION + HEAD + outcome;
        let mut front = [0; FRONT];
        front[..3].copy_from_slice(&head(field, HEAD + finished));
        front[3..6].copy_from_slice(&head(tags::FINISHED, finished));
        front[6..28].copy_from_slice(&execution(self.execution));
        front[28..31].copy_from_slice(&head(tags::OUTCOME, outcome));
        front[31..33].copy_from_slice(&[tags::STATUS, COMPLETED]);
        front[33..36].copy_from_slice(&head(tags::VALUE, payload));
        front[36..38].copy_from_slice(&[tags::KIND, self.kind as u8]);
        front[38..].copy_from_slice(&head(tags::PAYLOAD, value));
        let mut behind = [0; HEAD + SUMMARY];
        behind[..3].copy_from_slice(&head(tags::SUMMARY, SUMMARY));
        behind[3..9].copy_from_slice(&time(tags::QUEUED, self.summary.queued_micros));
        behind[9..].copy_from_slice(&time(tags::RAN, self.summary.ran_micros));
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
        });
        let finished = proto::Finished { execution: Some(self.execution), outcome };
        FromSlave { frame: Some(Frame::Finished(finished)) }
    }
}

/// Reads a verdict, behind the head of its frame.
#[inline(always)]
pub(super) fn read(mut fields: Fields<'_>) -> Option<proto::Finished> {
    fields.last(tags::FINISHED)?;
    let execution = Some(fields.execution()?);
    fields.last(tags::OUTCOME)?;
    let status = i32::from(fields.small(tags::STATUS)?);
    let payload = fields.head(tags::VALUE)?;
    let value = fields.payload(payload)?;
    fields.last(tags::SUMMARY)?;
    let queued_micros = fields.time(tags::QUEUED)?;
    let ran_micros = fields.time(tags::RAN)?;
    fields.end()?;
    let summary = Some(proto::Summary { queued_micros, ran_micros });
    let result = Some(outcome::Result::Value(value));
    let outcome = Some(proto::Outcome { status, result, summary });
    Some(proto::Finished { execution, outcome })
}
