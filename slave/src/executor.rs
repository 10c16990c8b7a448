//! Takes a start to its end: admission, hook, run, verdict.

mod admit;
mod clock;
mod in_place;
mod ladder;
mod run;

use std::sync::{Arc, MutexGuard};

use selsyn_common::proto::{self, from_slave::Frame};
use selsyn_common::wire::WireError;
use selsyn_common::{
    ErrorCode, ExecutionId, Failure, FailureKind, Outcome, Payload, Ran, Refusal, TaskStatus,
};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::admission::Place;
use crate::core::Core;
use crate::hooks::{self, TaskRequest};
use crate::lifecycle::{End, Lifecycle, StopCause};
use crate::records::{Record, State};
use crate::session::{Leaves, Session};

pub(crate) use admit::{Request, may_admit, start};
pub(crate) use clock::Clock;
pub(crate) use ladder::ask_to_stop;

/// Characters of a cancel's reason that are kept: it stands in failures and logs.
const MAX_REASON: usize = 4_096;

/// Asks the before_task hook, away from the network loop.
fn ask_hook(core: &Arc<Core>, record: Arc<Record>) {
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
    record: Arc<Record>,
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
fn accept(core: &Arc<Core>, record: &Arc<Record>, reply: Option<Payload>, leaves: Leaves) {
    let (has_slot, deadline) = {
        let mut state = record.state();
        if state.life.is_ended() {
            return;
        }
        state.accept(record, reply, leaves);
        (!state.is_queued(), state.deadline)
    };
    if let Some(deadline) = deadline {
        ladder::watch_deadline(core, record, deadline);
    }
    if has_slot {
        run::begin(core, record);
    }
}

/// The hook refused: the task was never here.
fn withdraw(core: &Arc<Core>, record: &Arc<Record>, refusal: Refusal) {
    if record.state().life.end(End::Dropped).is_none() {
        return;
    }
    never_was(core, record, || record.session().refuse(record.id, refusal));
}

/// Takes back a task that was not accepted. It says so before it settles: a session that is being
/// closed waits for no more than that.
fn never_was(core: &Arc<Core>, record: &Arc<Record>, say: impl FnOnce()) {
    let next = leave(core, record, &mut record.state(), None);
    record.notify();
    say();
    record.settle();
    core.forget(record.id);
    pass_on(core, next);
}

/// User code has ended, or was dropped. A verdict that was given before stands.
fn ended(core: &Arc<Core>, record: &Arc<Record>, end: End, now: Instant, leaves: Leaves) {
    let mut state = record.state();
    let end = match end {
        End::Value(value)
            if is_within_limit(state.session(record), &value) && state.life.complete() =>
        {
            return completed(core, record, state, value, now, leaves);
        }
        end => end,
    };
    let Some(outcome) = state.life.end(end) else {
        warn!(task.id = %record.id, "the function returned after its verdict; dropped");
        let next = leave(core, record, &mut state, None);
        drop(state);
        record.notify();
        return pass_on(core, next);
    };
    let outcome = within_limit(state.session(record), outcome);
    // The slot is free before the result is told: who starts the next task right after this one
    // must not be refused.
    let next = leave(core, record, &mut state, Some(bytes_of(&outcome)));
    conclude(core, record, state, outcome, now, leaves);
    pass_on(core, next);
}

/// It has returned a value, and nobody had asked it to stop: most do, and take the short way.
fn completed(
    core: &Arc<Core>,
    record: &Arc<Record>,
    mut state: MutexGuard<'_, State>,
    value: Payload,
    now: Instant,
    leaves: Leaves,
) {
    let next = leave(core, record, &mut state, Some(value.len()));
    let told = state.keep_value(value, now);
    tell(core, record, state, told, leaves);
    pass_on(core, next);
}

/// It was stopped before it ran.
fn never_ran(core: &Arc<Core>, record: &Arc<Record>, outcome: Outcome) {
    let mut state = record.state();
    let next = leave(core, record, &mut state, Some(bytes_of(&outcome)));
    conclude(core, record, state, outcome, Instant::now(), Leaves::AtOnce);
    pass_on(core, next);
}

/// Gives the verdict of a run that has not ended, and keeps its place.
fn give_up(
    core: &Arc<Core>,
    record: &Arc<Record>,
    verdict: impl FnOnce(&mut Lifecycle) -> Option<Outcome>,
) {
    let mut state = record.state();
    let Some(outcome) = verdict(&mut state.life) else { return };
    core.admission().keep(bytes_of(&outcome));
    conclude(core, record, state, outcome, Instant::now(), Leaves::AtOnce);
}

/// A slot that became free, and who has waited longest for it.
type Next = Option<(ExecutionId, Place)>;

/// Gives the place back, and counts the bytes of the result that is kept, if one is; names the next
/// in line.
fn leave(core: &Core, record: &Record, state: &mut State, result: Option<usize>) -> Next {
    state.is_left = true;
    let mut admission = core.admission();
    if let Some(bytes) = result {
        admission.keep(bytes);
    }
    state.place().and_then(|place| admission.release(place, record.origin.peer.master))
}

fn bytes_of(outcome: &Outcome) -> usize {
    outcome.value().map_or(0, Payload::len)
}

/// Gives a freed slot to a waiting task. Its hook may still be thinking: then it begins later.
fn pass_on(core: &Arc<Core>, next: Next) {
    let Some((id, slot)) = next else { return };
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

/// Gives the verdict: to the record first, then to the master.
fn conclude(
    core: &Core,
    record: &Record,
    mut state: MutexGuard<'_, State>,
    outcome: Outcome,
    now: Instant,
    leaves: Leaves,
) {
    let told = state.keep(outcome, now);
    tell(core, record, state, told, leaves);
}

/// Tells the master a verdict that is kept.
fn tell(
    core: &Core,
    record: &Record,
    mut state: MutexGuard<'_, State>,
    outcome: proto::Outcome,
    leaves: Leaves,
) {
    debug!(task.id = %record.id, status = ?outcome.status(), "ended");
    let finished = proto::Finished { execution: Some(record.id.into()), outcome: Some(outcome) };
    state.say(record, Frame::Finished(finished), leaves);
    let forgotten = state.session(record).is_forgotten();
    state.is_settled = true;
    drop(state);
    record.notify();
    if forgotten {
        // Nobody can ask for it any more.
        core.forget(record.id);
    }
}

/// Gives an execution to the new session of a master that came back too late for the former one,
/// and tells it what became of it.
pub(crate) fn hand_over(record: &Arc<Record>, session: &Arc<Session>) {
    // Under the lock: a verdict goes to the one session or to the other.
    let mut state = record.state();
    if state.is_forgotten {
        // Its result was taken since the executions were listed: nobody remembers it.
        return;
    }
    state.hand_over(record, session);
    repeat(record, &mut state, session);
}

/// Tells a session how far an execution has come: that it was accepted, and its verdict.
fn repeat(record: &Record, state: &mut State, session: &Session) {
    if state.accepted {
        session.send(accepted_frame(record.id));
    }
    if let Some(outcome) = state.outcome() {
        session.send(finished(record.id, outcome));
    }
}

/// Whether the master reads a value.
fn is_within_limit(session: &Session, value: &Payload) -> bool {
    value.len() <= session.max_result_bytes
}

/// A result that the master would refuse to read becomes a failure that it can.
fn within_limit(session: &Session, outcome: Outcome) -> Outcome {
    match outcome.value() {
        Some(value) if !is_within_limit(session, value) => {
            let (bytes, limit) = (value.len(), session.max_result_bytes);
            let message = format!("the result has {bytes} bytes; the master takes {limit}");
            let failure = Failure::of(FailureKind::TooLarge, message, Ran::Yes);
            Outcome::failed(TaskStatus::Failed, failure)
        }
        _ => outcome,
    }
}

fn accepted_frame(id: ExecutionId) -> Frame {
    Frame::Accepted(proto::Accepted { execution: Some(id.into()), reply: None })
}

fn finished(id: ExecutionId, outcome: Outcome) -> Frame {
    let outcome = Some(outcome.into());
    Frame::Finished(proto::Finished { execution: Some(id.into()), outcome })
}

fn forbidden(id: ExecutionId) -> Frame {
    Frame::Forbidden(proto::Forbidden { execution: Some(id.into()) })
}

/// Deals with a cancel: stops the run, or makes sure that it never begins.
pub(crate) fn cancel(
    core: &Arc<Core>,
    session: &Session,
    id: ExecutionId,
    reason: String,
) -> Result<(), WireError> {
    let record = core.records.get(id).or_else(|| {
        core.forbid(session.peer.master, id);
        // Another session may have started it before the id was forbidden.
        core.records.get(id)
    });
    match record {
        None => session.send(forbidden(id)),
        Some(record) if record.origin.peer.master == session.peer.master => {
            let reason = reason.chars().take(MAX_REASON).collect();
            ask_to_stop(core, &record, StopCause::Cancelled(reason));
        }
        Some(_) => {
            return Err(WireError {
                frame: "Cancel",
                field: "execution",
                problem: "belongs to another master",
            });
        }
    }
    Ok(())
}
