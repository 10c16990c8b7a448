//! Results that were taken.

use super::shape::{self, EXECUTION, HEAD, Shape, is_length, is_small};
use super::tags;
use crate::proto::ResultsTaken;

/// What is in front of the executions.
const FRONT: usize = HEAD + HEAD;

const IN_FRONT: Shape<FRONT> = Shape::new().head(super::FIELD).head(tags::RESULTS_TAKEN);

const TAKEN: Shape<EXECUTION> = Shape::new().execution();

/// Writes it as a field of its batch, if it is a common one.
pub(super) fn write(taken: &ResultsTaken, out: &mut Vec<u8>) -> bool {
    let length = taken.executions.len() * EXECUTION;
    let fits = taken.executions.iter().all(|id| is_small(id.attempt));
    if !fits || !u32::try_from(HEAD + length).is_ok_and(is_length) {
        return false;
    }
    let mut front = IN_FRONT.bytes;
    shape::put_length(&mut front, 0, HEAD + length);
    shape::put_length(&mut front, HEAD, length);
    out.reserve(FRONT + length);
    out.extend_from_slice(&front);
    for id in &taken.executions {
        let mut field = TAKEN.bytes;
        shape::put_execution(&mut field, 0, *id);
        out.extend_from_slice(&field);
    }
    true
}

/// Reads it from its frame, as a field of its batch.
pub(super) fn read(frame: &[u8]) -> Option<ResultsTaken> {
    let (front, rest) = frame.split_first_chunk::<FRONT>()?;
    let (fields, others) = rest.as_chunks::<EXECUTION>();
    let are_lengths =
        shape::length(front, 0) == frame.len() - HEAD && shape::length(front, HEAD) == rest.len();
    if !are_lengths
        || !IN_FRONT.fits(front)
        || !others.is_empty()
        || !fields.iter().all(|field| TAKEN.fits(field))
    {
        return None;
    }
    let executions = fields.iter().filter_map(|field| shape::execution(field, 0)).collect();
    Some(ResultsTaken { executions })
}
