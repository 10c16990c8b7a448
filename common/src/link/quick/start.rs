//! A start with small data, of a function that both sides have a number for.

use std::borrow::Borrow;

use bytes::Bytes;

use super::shape::{self, EXECUTION, HEAD, MAX_TIME, SMALL, Shape, TIME, is_length, is_small};
use super::{MAX_PAYLOAD, Short, tags};
use crate::link::Lane;
use crate::proto::{self, FromMaster, from_master::Frame};

/// What a common start says; its data is lent where it is written, and its own where it was read.
#[derive(Clone, Copy, Debug)]
pub struct ShortStart<D> {
    /// Which run.
    pub execution: proto::ExecutionId,
    /// How to read the data, as a number of `proto::PayloadKind`.
    pub kind: i32,
    /// What the function is given.
    pub data: D,
    /// Time left until the caller's deadline; 0 means none.
    pub deadline_millis: u64,
    /// Where it runs, as a number of `proto::Placement`.
    pub placement: i32,
    /// The function's number in the slave's catalogue.
    pub function_number: u32,
}

/// Where each field is that stands in front of the data: the frame, the start, its execution, the
/// payload with its kind, and the bytes themselves.
const START: usize = HEAD;
const RUN: usize = START + HEAD;
const DATA: usize = RUN + EXECUTION;
const KIND: usize = DATA + HEAD;
const BYTES: usize = KIND + SMALL;
const FRONT: usize = BYTES + HEAD;

/// What is behind it: placement, and the function's number.
const BEHIND: usize = SMALL + HEAD;

const IN_FRONT: Shape<FRONT> = Shape::new()
    .head(super::FIELD)
    .head(tags::START)
    .execution()
    .head(tags::DATA)
    .small(tags::KIND)
    .head(tags::PAYLOAD);

const DEADLINE: Shape<TIME> = Shape::new().time(tags::DEADLINE);

const PLACE: Shape<BEHIND> = Shape::new().small(tags::PLACEMENT).head(tags::FUNCTION_NUMBER);

impl<'a> ShortStart<&'a Bytes> {
    pub(super) fn of(start: &'a proto::Start) -> Option<Self> {
        let is_common = start.particulars.is_none() && start.function.is_empty();
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

impl<D: Borrow<Bytes>> Short<FromMaster> for ShortStart<D> {
    const LANE: Lane = Lane::Control;

    #[inline]
    fn fits(&self) -> bool {
        let Self { execution, kind, data, placement, .. } = self;
        let are_small = [execution.attempt, *kind as u32, *placement as u32].map(is_small);
        are_small == [true; 3]
            && data.borrow().len() <= MAX_PAYLOAD
            && self.deadline_millis <= MAX_TIME
            && is_length(self.function_number)
    }

    fn has_deadline(&self) -> bool {
        self.deadline_millis > 0
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) {
        let data = self.data.borrow();
        let bytes = data.len();
        let payload = SMALL + HEAD + bytes;
        let deadline = if self.has_deadline() { TIME } else { 0 };
        let start = EXECUTION + HEAD + payload + deadline + BEHIND;
        out.reserve(HEAD + HEAD + start);
        let front = IN_FRONT.add(out);
        shape::put_length(front, 0, HEAD + start);
        shape::put_length(front, START, start);
        shape::put_execution(front, RUN, self.execution);
        shape::put_length(front, DATA, payload);
        front[KIND + 1] = self.kind as u8;
        shape::put_length(front, BYTES, bytes);
        out.extend_from_slice(data);
        if self.has_deadline() {
            shape::put_time(DEADLINE.add(out), 0, self.deadline_millis);
        }
        let behind = PLACE.add(out);
        behind[1] = self.placement as u8;
        shape::put_length(behind, SMALL, self.function_number as usize);
    }

    fn to_frame(&self) -> FromMaster {
        let data = self.data.borrow().clone();
        let start = proto::Start {
            execution: Some(self.execution),
            data: Some(proto::Payload { kind: self.kind, data, size: 0 }),
            deadline_millis: self.deadline_millis,
            placement: self.placement,
            function_number: self.function_number,
            ..proto::Start::default()
        };
        FromMaster { frame: Some(Frame::Start(start)) }
    }
}

/// Whether a field of a batch is a common start.
#[inline(always)]
pub(super) fn is_common(field: &[u8]) -> bool {
    has_shape(field).is_some_and(|has_shape| has_shape)
}

#[inline(always)]
fn has_shape(field: &[u8]) -> Option<bool> {
    let (front, rest) = field.split_first_chunk::<FRONT>()?;
    if !IN_FRONT.fits(front) {
        return None;
    }
    let bytes = shape::length(front, BYTES);
    let (deadline, behind) = rest.get(bytes..)?.split_last_chunk::<BEHIND>()?;
    let are_lengths = shape::length(front, 0) == field.len() - HEAD
        && shape::length(front, START) == field.len() - RUN
        && shape::length(front, DATA) == SMALL + HEAD + bytes;
    Some(are_lengths && is_deadline(deadline) && PLACE.fits(behind))
}

/// Whether this is a deadline, or nothing.
#[inline(always)]
fn is_deadline(fields: &[u8]) -> bool {
    fields.is_empty() || fields.try_into().is_ok_and(|fields| DEADLINE.fits(fields))
}

/// Reads a common start.
#[inline(always)]
pub(super) fn read(field: &[u8], whole: &Bytes) -> Option<ShortStart<Bytes>> {
    let (front, rest) = field.split_first_chunk::<FRONT>()?;
    let (data, rest) = rest.split_at_checked(shape::length(front, BYTES))?;
    let (deadline, behind) = rest.split_last_chunk::<BEHIND>()?;
    Some(ShortStart {
        execution: shape::execution(front, RUN),
        kind: i32::from(front[KIND + 1]),
        data: whole.slice_ref(data),
        deadline_millis: if deadline.is_empty() { 0 } else { shape::time(deadline, 0) },
        placement: i32::from(behind[1]),
        function_number: shape::length(behind, SMALL) as u32,
    })
}
