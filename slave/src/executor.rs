//! Takes a start to its end: admission, hook, run, verdict.

mod admit;
mod ladder;
mod run;

use std::sync::Arc;

use selsyn_common::proto::{self, from_slave::Frame};
use selsyn_common::wire::WireError;
use selsyn_common::{
    ErrorCode, ExecutionId, Failure, FailureKind, Outcome, Payload, Ran, Refusal, Summary,
    TaskStatus,
};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::admission::Place;
use crate::core::Core;
use crate::hooks::{self, TaskRequest};
use crate::lifecycle::{End, StopCause};
use crate::records::Record;
use crate::session::Session;

pub(crate) use admit::{Request, may_admit, start};
pub(crate) use ladder::ask_to_stop;
use run::Begin;

/// Characters of a cancel's reason that are kept: it stands in failures and logs.
const MAX_REASON: usize = 4_096;

/// Asks the before_task hook, away from the network loop.
fn ask_hook(core: &Arc<Core>, record: Arc<Record>) {
    let Some(hook) = core.hooks.before_task.clone() else {
        return accept(core, &record, None, Begin::Here);
    };
    let question = TaskRequest {
        peer: record.session().peer.clone(),
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
            Ok(reply) => accept(core, record, reply, Begin::Spawned),
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
fn accept(core: &Arc<Core>, record: &Arc<Record>, reply: Option<Payload>, begin: Begin) {
    let (has_slot, deadline) = {
        let mut state = record.state();
        if state.life.is_ended() {
            return;
        }
        state.accepted = true;
        record.session().send(accepted_frame(record.id, reply));
        (!matches!(state.place, Place::Queued { .. }), state.deadline)
    };
    if let Some(deadline) = deadline {
        ladder::watch_deadline(core, record, deadline);
    }
    if has_slot {
        run::begin(core, record, begin);
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
    leave(core, record);
    say();
    record.settle();
    core.records.forget(record.id);
}

/// User code has ended, or was dropped. A verdict that was given before stands.
fn ended(core: &Arc<Core>, record: &Arc<Record>, end: End) {
    let outcome = record.state().life.end(end);
    // The slot is free before the result is told: who starts the next task right after this one
    // must not be refused.
    leave(core, record);
    match outcome {
        Some(outcome) => conclude(core, record, outcome),
        None => warn!(task.id = %record.id, "the function returned after its verdict; dropped"),
    }
}

/// Gives the place back and hands it to the next in line.
fn leave(core: &Arc<Core>, record: &Arc<Record>) {
    let place = {
        let mut state = record.state();
        state.is_left = true;
        state.place
    };
    record.notify();
    let next = core.admission().release(place);
    if let Some((id, slot)) = next {
        pass_on(core, id, slot);
    }
}

/// Gives a freed slot to a waiting task. Its hook may still be thinking: then it begins later.
fn pass_on(core: &Arc<Core>, id: ExecutionId, slot: Place) {
    let waiting = core.records.get(id).and_then(|record| Some((record.take_slot(slot)?, record)));
    let Some((may_begin, record)) = waiting else {
        // It was stopped or withdrawn between the two locks: the slot goes on to the next.
        let next = core.admission().release(slot);
        return next.map_or((), |(id, slot)| pass_on(core, id, slot));
    };
    if may_begin {
        run::begin(core, &record, Begin::Spawned);
    }
}

/// Gives the verdict: to the record first, then to the master.
fn conclude(core: &Core, record: &Arc<Record>, outcome: Outcome) {
    let outcome = within_limit(record, outcome);
    let outcome = Outcome { summary: summary(record), ..outcome };
    debug!(task.id = %record.id, status = %outcome.status, "ended");
    core.records.keep(record, &outcome);
    let session = record.session();
    session.send(finished(record.id, outcome));
    record.settle();
    if session.is_forgotten() {
        // Nobody can ask for it any more.
        core.records.forget(record.id);
    }
}

/// Gives an execution to the new session of a master that came back too late for the former one,
/// and tells it what became of it.
pub(crate) fn hand_over(record: &Arc<Record>, session: &Arc<Session>) {
    let (accepted, outcome) = {
        let state = record.state();
        // Under the lock: a verdict goes to the one session or to the other.
        record.hand_over(session);
        (state.accepted, state.outcome.clone())
    };
    if accepted {
        session.send(accepted_frame(record.id, None));
    }
    if let Some(outcome) = outcome {
        session.send(finished(record.id, outcome));
    }
}

/// A result that the master would refuse to read becomes a failure that it can.
fn within_limit(record: &Record, outcome: Outcome) -> Outcome {
    let limit = record.session().max_result_bytes;
    match outcome.value() {
        Some(value) if value.len() > limit => {
            let bytes = value.len();
            let message = format!("the result has {bytes} bytes; the master takes {limit}");
            let failure = Failure::of(FailureKind::TooLarge, message, Ran::Yes);
            Outcome::failed(TaskStatus::Failed, failure)
        }
        _ => outcome,
    }
}

fn summary(record: &Record) -> Summary {
    let state = record.state();
    let now = Instant::now();
    let began = state.began_at.unwrap_or(now);
    Summary { queued: began - state.accepted_at, ran: now - began }
}

fn accepted_frame(id: ExecutionId, reply: Option<Payload>) -> Frame {
    let reply = reply.map(proto::Payload::from);
    Frame::Accepted(proto::Accepted { execution: Some(id.into()), reply })
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
        Some(record) if record.session().peer.master == session.peer.master => {
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
