//! Gives a place back, and on to who has waited longest for it.

use std::sync::Arc;

use selsyn_common::ExecutionId;

use super::run;
use crate::admission::Place;
use crate::core::Core;
use crate::records::{Record, State};

/// A slot that became free, and who has waited longest for it.
pub(super) type Next = Option<(ExecutionId, Place)>;

/// Gives the place back, and counts the bytes of the result that is kept, if one is; names the next
/// in line.
#[inline(always)]
pub(super) fn leave(
    core: &Core,
    record: &Record,
    state: &mut State,
    result: Option<usize>,
) -> Next {
    state.is_left = true;
    let mut admission = core.admission();
    if let Some(bytes) = result {
        admission.keep(bytes);
    }
    admission.release(state.place(), record.origin.peer.master)
}

/// Gives a freed slot to a waiting task, if one waits.
#[inline(always)]
pub(super) fn pass_on(core: &Arc<Core>, next: Next) {
    if let Some((id, slot)) = next {
        give(core, id, slot);
    }
}

/// Gives a slot to a waiting task. Its hook may still be thinking: then it begins later.
fn give(core: &Arc<Core>, id: ExecutionId, slot: Place) {
    let waiting = core.records.get(id).and_then(|record| Some((record.take_slot(slot)?, record)));
    let Some((may_begin, record)) = waiting else {
        // It was stopped or withdrawn between the two locks: the slot goes on to the next.
        let next = core.admission().pass_on(slot);
        return pass_on(core, next);
    };
    if may_begin {
        run::begin(core, &record);
    }
}
