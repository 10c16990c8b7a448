//! Takes a start to its end: admission, hook, run, verdict.

mod ladder;
mod run;

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::proto::{self, from_slave::Frame};
use selsyn_common::wire::{self, WireError};
use selsyn_common::{
    ErrorCode, ExecutionId, Failure, FailureKind, Outcome, Payload, Ran, Refusal, Summary,
    TaskStatus,
};
use tokio::time::Instant;
use tracing::{debug, warn};

use crate::admission::{Applicant, Place, Placement};
use crate::core::Core;
use crate::hooks::{self, TaskRequest};
use crate::lifecycle::{End, StopCause};
use crate::records::Record;
use crate::registry::Registered;
use crate::session::Session;

pub(crate) use ladder::ask_to_stop;
use run::Begin;

/// Characters of a cancel's reason that are kept: it stands in failures and logs.
const MAX_REASON: usize = 4_096;

/// A start, read from its frame.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: ExecutionId,
    pub(crate) function: String,
    pub(crate) data: Payload,
    pub(crate) deadline: Option<Duration>,
    pub(crate) placement: Placement,
}

impl Request {
    pub(crate) fn read(id: ExecutionId, start: proto::Start) -> Result<Self, WireError> {
        let placement = match start.placement() {
            proto::Placement::Background => Placement::Background,
            proto::Placement::Foreground => Placement::Foreground,
            proto::Placement::Unspecified => return Err(WireError::unknown("Start", "placement")),
        };
        let deadline = Duration::from_millis(start.deadline_millis);
        Ok(Self {
            id,
            function: start.function,
            data: Payload::required("Start", "data", start.data)?,
            deadline: (!deadline.is_zero()).then_some(deadline),
            placement,
        })
    }
}

/// Deals with a start. Never waits: what must wait goes on by itself.
pub(crate) fn start(core: &Arc<Core>, session: &Arc<Session>, request: Request) {
    let id = request.id;
    if let Some(record) = core.records.get(id) {
        return repeat(session, &record, &request);
    }
    if core.is_forbidden(session.peer.master, id) {
        return session.send(forbidden(id));
    }
    let record = match admit(core, session, request) {
        Ok(record) => record,
        Err(refusal) => return session.refuse(id, refusal),
    };
    if core.is_forbidden(session.peer.master, id) {
        // Another session has cancelled it since the first look.
        return ask_to_stop(core, &record, StopCause::Cancelled("cancelled before it came".into()));
    }
    ask_hook(core, record);
}

/// Finds the function and a place, or says why not.
fn admit(core: &Core, session: &Arc<Session>, request: Request) -> Result<Arc<Record>, Refusal> {
    let function = core.registry.find(&request.function)?;
    core.check_payload(request.data.len())?;
    core.records.check_untaken()?;
    // Held until the record is in the table: who says goodbye counts what is in it.
    let _open = session.still_open()?;
    let applicant = Applicant {
        id: request.id,
        placement: request.placement,
        blocking: function.is_blocking(),
        bytes: request.data.len(),
    };
    // One step under one lock: a slot may be passed on to the record right after.
    let mut admission = core.admission();
    if core.records.get(request.id).is_some() {
        let message = format!("{} is being started elsewhere", request.id);
        return Err(Refusal::because(ErrorCode::ExecutionConflict, message));
    }
    let place = admission.apply(applicant)?;
    let record = Arc::new(Record::new(request, function, Arc::clone(session), place));
    core.records.add(&record);
    Ok(record)
}

/// The same start again is answered as the first was; another one under its id is refused.
fn repeat(session: &Arc<Session>, record: &Record, request: &Request) {
    if !record.is_same_request(request) || record.session.peer.master != session.peer.master {
        let message = format!("another task was started under the id {}", request.id);
        return session.refuse(request.id, Refusal::because(ErrorCode::ExecutionConflict, message));
    }
    let (accepted, outcome) = {
        let state = record.state();
        (state.accepted, state.outcome.clone())
    };
    if accepted {
        session.send(accepted_frame(record.id, None));
    }
    if let Some(outcome) = outcome {
        session.send(finished(record.id, outcome));
    }
}

/// Asks the before_task hook, away from the network loop.
fn ask_hook(core: &Arc<Core>, record: Arc<Record>) {
    let Some(hook) = core.hooks.before_task.clone() else {
        return accept(core, &record, None, Begin::Here);
    };
    let question = TaskRequest {
        peer: record.session.peer.clone(),
        execution: record.id,
        function: record.function.name.clone(),
        data: record.data.clone(),
    };
    let core = Arc::clone(core);
    core.clone().spawn_function(async move {
        match hooks::ask(Some(hook), question, ErrorCode::TaskRefused).await {
            Ok(reply) => accept(&core, &record, reply, Begin::Spawned),
            Err(refusal) => withdraw(&core, &record, refusal),
        }
    });
}

/// Says Accepted, and begins if there is a slot.
fn accept(core: &Arc<Core>, record: &Arc<Record>, reply: Option<Payload>, begin: Begin) {
    let (has_slot, deadline) = {
        let mut state = record.state();
        if state.life.is_ended() {
            return;
        }
        state.accepted = true;
        record.session.send(accepted_frame(record.id, reply));
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
    never_was(core, record);
    record.session.refuse(record.id, refusal);
}

/// Takes back a task that was not accepted.
fn never_was(core: &Arc<Core>, record: &Arc<Record>) {
    record.state().is_settled = true;
    core.records.forget(record.id);
    leave(core, record);
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
    let waiting = core.records.get(id).filter(|record| record.take_slot(slot));
    let Some(record) = waiting else {
        // It was stopped or withdrawn between the two locks: the slot goes on to the next.
        let next = core.admission().release(slot);
        return next.map_or((), |(id, slot)| pass_on(core, id, slot));
    };
    if record.state().accepted {
        run::begin(core, &record, Begin::Spawned);
    }
}

/// Gives the verdict: to the record first, then to the master.
fn conclude(core: &Core, record: &Arc<Record>, outcome: Outcome) {
    let outcome = within_limit(record, outcome);
    let outcome = Outcome { summary: summary(record), ..outcome };
    debug!(task.id = %record.id, status = %outcome.status, "ended");
    core.records.keep(record, &outcome);
    record.session.send(finished(record.id, outcome));
    record.notify();
    if record.session.is_over() {
        // Nobody can ask for it any more.
        core.records.forget(record.id);
    }
}

/// A result that the master would refuse to read becomes a failure that it can.
fn within_limit(record: &Record, outcome: Outcome) -> Outcome {
    let limit = record.session.max_result_bytes;
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
    cancel: proto::Cancel,
) -> Result<(), WireError> {
    let id = wire::execution_id("Cancel", cancel.execution)?;
    let record = core.records.get(id).or_else(|| {
        core.forbid(session.peer.master, id);
        // Another session may have started it before the id was forbidden.
        core.records.get(id)
    });
    match record {
        None => session.send(forbidden(id)),
        Some(record) if record.session.peer.master == session.peer.master => {
            let reason = cancel.reason.chars().take(MAX_REASON).collect();
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

impl Registered {
    /// Whether a task without a name runs it.
    pub(crate) fn is_default(&self) -> bool {
        self.name == crate::registry::DEFAULT_FUNCTION
    }
}
