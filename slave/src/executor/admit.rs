//! Whether a start becomes an execution.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::proto;
use selsyn_common::wire::WireError;
use selsyn_common::{ErrorCode, ExecutionId, Lineage, MasterId, Payload, Refusal};

use super::{accepted_frame, ask_hook, ask_to_stop, finished, forbidden};
use crate::admission::{Applicant, Placement};
use crate::core::Core;
use crate::lifecycle::StopCause;
use crate::records::Record;
use crate::registry::Wanted;
use crate::session::Session;

/// A start, read from its frame.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) id: ExecutionId,
    pub(crate) function: Wanted,
    pub(crate) data: Payload,
    pub(crate) deadline: Option<Duration>,
    pub(crate) placement: Placement,
    pub(crate) lineage: Option<Lineage>,
}

impl Request {
    pub(crate) fn read(id: ExecutionId, mut start: proto::Start) -> Result<Self, WireError> {
        let placement = match start.placement() {
            proto::Placement::Background => Placement::Background,
            proto::Placement::Foreground => Placement::Foreground,
            proto::Placement::Unspecified => return Err(WireError::unknown("Start", "placement")),
        };
        let deadline = Duration::from_millis(start.deadline_millis);
        let lineage = start.lineage();
        Ok(Self {
            id,
            function: Wanted::of(&mut start),
            data: Payload::required("Start", "data", start.data)?,
            deadline: (!deadline.is_zero()).then_some(deadline),
            placement,
            lineage,
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

/// Whether a start may be admitted once its data is here: what is known before it is.
pub(crate) fn may_admit(
    core: &Core,
    owner: MasterId,
    start: &proto::Start,
    bytes: usize,
) -> Result<(), Refusal> {
    let wanted = Wanted { number: start.function_number, name: start.function.clone() };
    let function = core.registry.find(&wanted)?;
    core.records.check_untaken()?;
    let placement = match start.placement() {
        proto::Placement::Foreground => Placement::Foreground,
        proto::Placement::Background | proto::Placement::Unspecified => Placement::Background,
    };
    let id = start.execution.unwrap_or_default().into();
    let blocking = function.is_blocking();
    core.admission().check(Applicant { id, owner, placement, blocking, bytes })
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
        owner: session.peer.master,
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
    if !record.is_same_request(request) || record.session().peer.master != session.peer.master {
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
