//! Has a function initialized before its first run.

use std::sync::Arc;

use super::end::not_initialized;
use super::{ladder, run};
use crate::core::Core;
use crate::initializer;
use crate::lifecycle::StopCause;
use crate::records::Record;

/// Sets a run going once its function's initializer has run, or fails it. It is not begun while it
/// waits: a cancel or a deadline ends it there.
pub(super) fn before(core: &Arc<Core>, record: &Arc<Record>) {
    let waiting = Waiting { core: Arc::clone(core), record: Arc::clone(record), goes_on: false };
    core.spawn(wait(waiting));
}

async fn wait(mut waiting: Waiting) {
    let (core, record) = (Arc::clone(&waiting.core), Arc::clone(&waiting.record));
    let function = &record.function;
    let Some(instance) = &function.instance else { return };
    let made = tokio::select! {
        made = instance.ready(function, record.id.task, core.functions()) => made,
        // What waits has ended by then, or ends with what is dropped here.
        () = core.stopped.cancelled() => return,
    };
    waiting.goes_on = true;
    match made {
        Ok(made) => {
            if let Some(state) = made {
                function.is_initialized();
                initializer::watch(&core, function, state);
            }
            run::go(&core, &record);
        }
        Err(failure) => not_initialized(&core, &record, failure),
    }
}

/// Ends a run that waits when the slave's runtime ends.
struct Waiting {
    core: Arc<Core>,
    record: Arc<Record>,
    goes_on: bool,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.goes_on {
            ladder::ask_to_stop(&self.core, &self.record, StopCause::ShuttingDown);
        }
    }
}
