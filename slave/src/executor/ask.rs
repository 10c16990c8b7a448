//! Asks the operator's hook whether an execution may be, and says what it answered.

use std::sync::Arc;

use selsyn_common::{ErrorCode, Payload, Refusal};

use super::slot::{leave, pass_on};
use super::{ladder, run};
use crate::core::Core;
use crate::hooks::{self, TaskRequest};
use crate::lifecycle::End;
use crate::records::RecordRef;
use crate::session::Leaves;

/// Asks the before_task hook, away from the network loop.
pub(super) fn ask_hook(core: &Arc<Core>, record: RecordRef) {
    let Some(hook) = core.hooks.before_task.clone() else {
        return accept(core, &record, None, Leaves::WithBatch);
    };
    let question = TaskRequest {
        peer: record.origin.peer.clone(),
        execution: record.id,
        function: record.function.name.clone(),
        data: record.data.clone(),
    };
    let asking = Asking { core: Arc::clone(core), record };
    core.spawn(async move {
        let Asking { core, record } = &asking;
        let asked = hooks::ask(Some(hook), question, ErrorCode::TaskRefused);
        let patience = core.settings.greeting_timeout;
        match core.run_hook(asked, "before_task", patience, ErrorCode::TaskRefused).await {
            Ok(reply) => accept(core, record, reply, Leaves::AtOnce),
            Err(refusal) => withdraw(core, record, refusal),
        }
    });
}

/// Withdraws a task that nothing was said about when it is dropped: the slave's runtime has ended,
/// and no hook will ever speak.
struct Asking {
    core: Arc<Core>,
    record: RecordRef,
}

impl Drop for Asking {
    fn drop(&mut self) {
        if !self.record.state().accepted {
            let message = "the slave's runtime has ended";
            let refusal = Refusal::because(ErrorCode::TaskRefused, message);
            withdraw(&self.core, &self.record, refusal);
        }
    }
}

/// Says Accepted, and begins if there is a slot.
fn accept(core: &Arc<Core>, record: &RecordRef, reply: Option<Payload>, leaves: Leaves) {
    let (has_slot, deadline) = {
        let mut state = record.state();
        if state.life.is_ended() {
            return;
        }
        state.accept(record, reply, leaves);
        (!state.is_queued(), state.deadline())
    };
    record.notify();
    if let Some(deadline) = deadline {
        ladder::watch_deadline(core, record, deadline);
    }
    if has_slot {
        run::begin(core, record);
    }
}

/// The hook refused: the task was never here.
fn withdraw(core: &Arc<Core>, record: &RecordRef, refusal: Refusal) {
    if record.state().life.end(End::Dropped).is_none() {
        return;
    }
    // For whoever started it without a session.
    record.state().set_refusal(refusal.clone());
    never_was(core, record, || record.session().refuse(record.id, refusal));
}

/// Takes back a task that was not accepted. It says so before it settles: a session that is being
/// closed waits for no more than that.
pub(super) fn never_was(core: &Arc<Core>, record: &RecordRef, say: impl FnOnce()) {
    let next = leave(core, record, &mut record.state(), None);
    record.notify();
    say();
    record.settle();
    core.forget(record.id);
    pass_on(core, next);
}
