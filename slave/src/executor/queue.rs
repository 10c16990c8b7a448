//! Moves and drops executions that wait for a slot.

use std::sync::Arc;

use super::ladder::stopped;
use crate::core::Core;
use crate::lifecycle::StopCause;
use crate::records::{Record, RecordRef, State};

/// Why one is stopped that is dropped.
const DROPPED: &str = "dropped from the queue";

/// Gives one that waits another position in its line; says which it has then. `None` when it does
/// not wait.
pub(crate) fn move_queued(core: &Core, record: &Record, position: usize) -> Option<usize> {
    // Held, so that it does not leave the queue meanwhile.
    let state = record.state();
    if !waits(&state) {
        return None;
    }
    core.admission().move_to(state.place(), record.origin.peer.master, position)
}

/// Ends one that waits; false when it does not wait. In one step: one that has got its slot is let
/// run.
pub(crate) fn drop_queued(core: &Arc<Core>, record: &RecordRef) -> bool {
    let mut state = record.state();
    if !waits(&state) {
        return false;
    }
    let stop = state.life.stop(StopCause::Stopped(DROPPED.to_owned()));
    drop(state);
    stopped(core, record, stop);
    true
}

fn waits(state: &State) -> bool {
    state.is_queued() && !state.life.is_ended()
}
