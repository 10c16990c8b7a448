//! Has a function initialized before its first run.

use std::sync::Arc;

use super::end::not_initialized;
use super::{ladder, run};
use crate::core::Core;
use crate::initializer;
use crate::lifecycle::StopCause;
use crate::records::RecordRef;

/// Sets a run going once its function's initializer has run, or fails it. It is not begun while it
/// waits: a cancel or a deadline ends it there.
pub(super) fn before(core: &Arc<Core>, record: &RecordRef) {
    let waiting =
        Waiting { core: Arc::clone(core), record: RecordRef::clone(record), goes_on: false };
    core.spawn(wait(waiting));
}

async fn wait(mut waiting: Waiting) {
    let (core, record) = (Arc::clone(&waiting.core), RecordRef::clone(&waiting.record));
    let made = tokio::select! {
        biased;
        // What waits has ended by then, or ends with what is dropped here.
        () = core.stopped.cancelled() => return,
        // It was stopped: nobody shall keep its data.
        () = record.until(|state| state.is_left) => return waiting.goes_on = true,
        made = initializer::ready(&core, &record) => made,
    };
    waiting.goes_on = true;
    match made {
        Ok(()) => run::go(&core, &record),
        Err(failure) => not_initialized(&core, &record, failure),
    }
}

/// Ends a run that waits when the slave's runtime ends.
struct Waiting {
    core: Arc<Core>,
    record: RecordRef,
    goes_on: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.goes_on {
            ladder::ask_to_stop(&self.core, &self.record, StopCause::ShuttingDown);
        }
    }
}
