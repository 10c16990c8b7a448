//! Stops a run: ask, wait for the grace, force, and say so when even that fails.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::Outcome;
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{debug, warn};

use super::ask::never_was;
use super::end::{self, give_up};
use super::retell::forbidden;
use crate::core::Core;
use crate::execution;
use crate::lifecycle::{Lifecycle, Stop, StopCause};
use crate::records::{Record, RecordRef};

/// A dropped future is gone at its next yield; one that is not gone after this never yields.
const DROP_PATIENCE: Duration = Duration::from_millis(100);

/// Asks a run to stop, for whatever reason.
pub(crate) fn ask_to_stop(core: &Arc<Core>, record: &RecordRef, cause: StopCause) {
    debug!(task.id = %record.id, ?cause, "asked to stop");
    let stop = record.state().life.stop(cause);
    stopped(core, record, stop);
}

/// Does what a wish to stop leads to.
pub(super) fn stopped(core: &Arc<Core>, record: &RecordRef, stop: Stop) {
    match stop {
        Stop::NeverRan(outcome) => never_ran(core, record, *outcome),
        Stop::Ask => {
            record.ask_to_stop();
            execution::tell_aborted(core, record);
            climb(core, record);
        }
        Stop::GiveUp(outcome) => give_up(core, record, |_| Some(*outcome)),
        Stop::Nothing => {}
    }
}

/// It was stopped while it waited. One that was not accepted yet is forbidden rather than ended.
fn never_ran(core: &Arc<Core>, record: &RecordRef, outcome: Outcome) {
    if record.state().accepted {
        end::never_ran(core, record, outcome);
    } else {
        core.forbid(record.origin.peer.master, record.id);
        never_was(core, record, || record.session().send(forbidden(record.id)));
    }
}

/// Climbs the ladder in the background.
fn climb(core: &Arc<Core>, record: &RecordRef) {
    let last_rung = GiveUpOnDrop { core: Arc::clone(core), record: RecordRef::clone(record) };
    let grace = core.settings.abort_grace;
    core.spawn(async move {
        let record = &last_rung.record;
        if is_left_within(record, grace).await {
            return;
        }
        record.force();
        is_left_within(record, DROP_PATIENCE).await;
    });
}

/// The top of the ladder: gives up a run that has not ended by now. On drop, so that the end of
/// the slave's runtime leaves nobody waiting for a verdict.
struct GiveUpOnDrop {
    core: Arc<Core>,
    record: RecordRef,
}

impl Drop for GiveUpOnDrop {
    fn drop(&mut self) {
        let Self { core, record } = self;
        if record.state().is_left {
            return;
        }
        warn!(task.id = %record.id, function = %record.function.name, "stuck: asked to stop, and still running");
        give_up(core, record, Lifecycle::stuck);
    }
}

/// Waits until user code has ended; false when it has not in time.
async fn is_left_within(record: &Record, patience: Duration) -> bool {
    tokio::select! {
        // The end first: both may be true at once, and then there is nothing to force.
        biased;
        () = record.until(|state| state.is_left) => true,
        () = sleep(patience) => false,
    }
}

/// Stops the run when its deadline fires.
pub(super) fn watch_deadline(core: &Arc<Core>, record: &RecordRef, deadline: Instant) {
    let (core, record) = (Arc::clone(core), RecordRef::clone(record));
    core.clone().spawn(async move {
        tokio::select! {
            biased;
            () = record.until(|state| state.is_left) => {}
            () = sleep_until(deadline) => ask_to_stop(&core, &record, StopCause::Deadline),
        }
    });
}
