//! Results that were taken.

use super::shape::{EXECUTION, Fields, execution, head, is_length, is_small};
use super::tags;
use crate::proto::ResultsTaken;

/// Writes it as a field of its batch, if it is a common one.
pub(super) fn write(taken: &ResultsTaken, field: u8, out: &mut Vec<u8>) -> bool {
    let length = taken.executions.len() * EXECUTION;
    let fits = taken.executions.iter().all(|id| is_small(id.attempt));
    if !fits || !is_length(length as u32 + 3) {
        return false;
    }
    out.reserve(length + 6);
    out.extend_from_slice(&head(field, length + 3));
    out.extend_from_slice(&head(tags::RESULTS_TAKEN, length));
    taken.executions.iter().for_each(|id| out.extend_from_slice(&execution(*id)));
    true
}

/// Reads it, behind the head of its frame.
pub(super) fn read(mut fields: Fields<'_>) -> Option<ResultsTaken> {
    fields.last(tags::RESULTS_TAKEN)?;
    let mut executions = Vec::with_capacity(fields.len() / EXECUTION);
    while fields.end().is_none() {
        executions.push(fields.execution()?);
    }
    Some(ResultsTaken { executions })
}
