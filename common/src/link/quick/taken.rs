//! Results that were taken.

use bytes::Bytes;

use super::shape::{self, EXECUTION, HEAD, Shape, is_length, is_small};
use super::tags;
use crate::proto::{ExecutionId, FromMaster, ResultsTaken, from_master::Frame};

/// What is in front of the executions.
const FRONT: usize = HEAD + HEAD;

const IN_FRONT: Shape<FRONT> = Shape::new().head(super::FIELD).head(tags::RESULTS_TAKEN);

const TAKEN: Shape<EXECUTION> = Shape::new().execution();

/// What a common word about results says.
#[derive(Debug)]
pub struct Taken {
    /// The executions, as they came.
    fields: Bytes,
}

impl Taken {
    /// The executions whose results were taken.
    pub fn executions(&self) -> impl Iterator<Item = ExecutionId> {
        let (fields, _) = self.fields.as_chunks::<EXECUTION>();
        fields.iter().map(|field| shape::execution(field, 0))
    }

    pub(super) fn into_frame(self) -> FromMaster {
        let executions = self.executions().collect();
        FromMaster { frame: Some(Frame::ResultsTaken(ResultsTaken { executions })) }
    }
}

/// Writes it as a field of its batch, if it is a common one.
pub(super) fn write(taken: &ResultsTaken, out: &mut Vec<u8>) -> bool {
    let length = taken.executions.len() * EXECUTION;
    let fits = taken.executions.iter().all(|id| is_small(id.attempt));
    if !fits || !u32::try_from(HEAD + length).is_ok_and(is_length) {
        return false;
    }
    out.reserve(FRONT + length);
    let front = IN_FRONT.add(out);
    shape::put_length(front, 0, HEAD + length);
    shape::put_length(front, HEAD, length);
    for id in &taken.executions {
        shape::put_execution(TAKEN.add(out), 0, *id);
    }
    true
}

/// Whether a field of a batch is a common word about results.
pub(super) fn is_common(field: &[u8]) -> bool {
    let Some((front, rest)) = field.split_first_chunk::<FRONT>() else { return false };
    let (fields, others) = rest.as_chunks::<EXECUTION>();
    let are_lengths =
        shape::length(front, 0) == field.len() - HEAD && shape::length(front, HEAD) == rest.len();
    are_lengths
        && IN_FRONT.fits(front)
        && others.is_empty()
        && fields.iter().all(|field| TAKEN.fits(field))
}

/// Whether a common frame is one.
#[inline(always)]
pub(super) fn is_tagged(field: &[u8]) -> bool {
    field.get(HEAD) == Some(&tags::RESULTS_TAKEN)
}

/// Reads a common one.
pub(super) fn read(field: &[u8], whole: &Bytes) -> Option<Taken> {
    Some(Taken { fields: whole.slice_ref(field.get(FRONT..)?) })
}
