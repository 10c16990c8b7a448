//! A start with small data, of a function that both sides have a number for.

use bytes::Bytes;

use super::shape::{EXECUTION, Fields, HEAD, MAX_TIME, SMALL, TIME, execution, head, time};
use super::shape::{is_length, is_small};
use super::{MAX_PAYLOAD, Short, tags};
use crate::link::Lane;
use crate::proto::{self, FromMaster, from_master::Frame};

/// What a common start says.
#[derive(Clone, Copy, Debug)]
pub struct ShortStart<'a> {
    /// Which run.
    pub execution: proto::ExecutionId,
    /// How to read the data, as a number of `proto::PayloadKind`.
    pub kind: i32,
    /// What the function is given.
    pub data: &'a Bytes,
    /// Time left until the caller's deadline; 0 means none.
    pub deadline_millis: u64,
    /// Where it runs, as a number of `proto::Placement`.
    pub placement: i32,
    /// The function's number in the slave's catalogue.
    pub function_number: u32,
}

/// What is in front of the data: the frame, the start, its execution, and the payload's kind.
const FRONT: usize = HEAD + HEAD + EXECUTION + HEAD + SMALL + HEAD;

/// What is behind it: placement and number.
const BEHIND: usize = SMALL + HEAD;

impl<'a> ShortStart<'a> {
    pub(super) fn of(start: &'a proto::Start) -> Option<Self> {
        let is_common = start.lineage.is_none() && start.function.is_empty();
        let data = start.data.as_ref().filter(|data| is_common && data.size == 0)?;
        Some(Self {
            execution: start.execution?,
            kind: data.kind,
            data: &data.data,
            deadline_millis: start.deadline_millis,
            placement: start.placement,
            function_number: start.function_number,
        })
    }
}

impl Short<FromMaster> for ShortStart<'_> {
    const LANE: Lane = Lane::Control;

    #[inline]
    fn fits(&self) -> bool {
        let Self { execution, kind, data, placement, .. } = self;
        let are_small = [execution.attempt, *kind as u32, *placement as u32].map(is_small);
        are_small == [true; 3]
            && data.len() <= MAX_PAYLOAD
            && self.deadline_millis <= MAX_TIME
            && is_length(self.function_number)
    }

    fn has_deadline(&self) -> bool {
        self.deadline_millis > 0
    }

    #[inline]
    fn write(&self, field: u8, out: &mut Vec<u8>) {
        let data = self.data.len();
        let payload = SMALL + HEAD + data;
        let deadline = if self.has_deadline() { TIME } else { 0 };
        let start = EXECUTION + HEAD + payload + deadline + BEHIND;
        let mut front = [0; FRONT];
        front[..3].copy_from_slice(&head(field, HEAD + start));
        front[3..6].copy_from_slice(&head(tags::START, start));
        front[6..28].copy_from_slice(&execution(self.execution));
        front[28..31].copy_from_slice(&head(tags::DATA, payload));
        front[31..33].copy_from_slice(&[tags::KIND, self.kind as u8]);
        front[33..].copy_from_slice(&head(tags::PAYLOAD, data));
        out.reserve(HEAD + HEAD + start);
        out.extend_from_slice(&front);
        out.extend_from_slice(self.data);
        if self.has_deadline() {
            out.extend_from_slice(&time(tags::DEADLINE, self.deadline_millis));
        }
        let [tag, low, high] = head(tags::FUNCTION_NUMBER, self.function_number as usize);
        out.extend_from_slice(&[tags::PLACEMENT, self.placement as u8, tag, low, high]);
    }

    fn to_frame(&self) -> FromMaster {
        let start = proto::Start {
            execution: Some(self.execution),
            data: Some(proto::Payload { kind: self.kind, data: self.data.clone(), size: 0 }),
            deadline_millis: self.deadline_millis,
            placement: self.placement,
            function_number: self.function_number,
            ..proto::Start::default()
        };
        FromMaster { frame: Some(Frame::Start(start)) }
    }
}

/// Reads a start, behind the head of its frame.
#[inline(always)]
pub(super) fn read(mut fields: Fields<'_>) -> Option<proto::Start> {
    fields.last(tags::START)?;
    let execution = fields.execution()?;
    let payload = fields.head(tags::DATA)?;
    let data = fields.payload(payload)?;
    let has_deadline = fields.is_next(tags::DEADLINE);
    let deadline_millis = if has_deadline { fields.time(tags::DEADLINE)? } else { 0 };
    let placement = i32::from(fields.small(tags::PLACEMENT)?);
    let function_number = fields.head(tags::FUNCTION_NUMBER)? as u32;
    fields.end()?;
    Some(proto::Start {
        execution: Some(execution),
        function: String::new(),
        data: Some(data),
        deadline_millis,
        placement,
        lineage: None,
        function_number,
    })
}
