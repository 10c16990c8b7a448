//! Whether a start becomes an execution.

use selsyn_common::proto;
use selsyn_common::{ErrorCode, ExecutionId, MasterId, Refusal};
use tokio::time::Instant;

use super::ask::ask_hook;
use super::retell::{forbidden, repeat};
use super::{Request, Round, in_place, ladder};
use crate::admission::{Applicant, Place, Placement};
use crate::core::Core;
use crate::records::{Admitted, Found, Known, Record, RecordRef, Spares};
use crate::registry::{Registered, Wanted};
use crate::session::Session;

/// Deals with a start. Never waits: what must wait goes on by itself.
pub(crate) fn start(round: &mut Round<'_>, spares: &mut Spares, id: ExecutionId, request: Request) {
    let (core, session) = (round.core, round.session);
    let found = spares.find(&core.registry, &request.function);
    round.comes(found.as_ref().is_ok_and(|found| follows(core, &found.known.function, &request)));
    match admit(round, found, request) {
        Ok(Next::Begun { record, known, deadline }) => {
            if let Some(deadline) = deadline {
                ladder::watch_deadline(core, &record, deadline);
            }
            // It leaves the clock as it is at its end.
            return in_place::run_here(round, known, record);
        }
        Ok(Next::Parked(record)) => ask_hook(core, record),
        Ok(Next::Before(record, request)) => again(session, &record, &request),
        Ok(Next::Never) => session.send(forbidden(id)),
        Err(refusal) => session.refuse(id, *refusal),
    }
    round.passes();
}

/// What becomes of a start.
pub(super) enum Next<'a> {
    /// It runs right here, until its deadline.
    Begun { record: RecordRef, known: &'a mut Known, deadline: Option<Instant> },
    /// It waits, for the hook or for its turn.
    Parked(RecordRef),
    /// Its id was started before.
    Before(RecordRef, Box<Request>),
    /// Its id is forbidden.
    Never,
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
    let placement = match start.placement() {
        proto::Placement::Foreground => Placement::Foreground,
        proto::Placement::Background | proto::Placement::Unspecified => Placement::Background,
    };
    let id = start.execution.unwrap_or_default().into();
    let blocking = function.is_blocking();
    core.admission().check(Applicant { id, owner, placement, blocking, bytes })
}

/// Finds the function and a place, or says why not.
#[inline(always)]
pub(super) fn admit<'a>(
    round: &mut Round<'_>,
    found: Result<Found<'a>, Box<Refusal>>,
    request: Request,
) -> Result<Next<'a>, Box<Refusal>> {
    let (core, session) = (round.core, round.session);
    // Held until the record is in it: to look, to find a place and to insert is one step. A slot
    // may be passed on to the record right after; whoever forbids the id, and whoever leaves the
    // session, looks for the record after that.
    let entry = core.records.entry(request.id);
    if let Some(record) = entry.get() {
        return Ok(Next::Before(RecordRef::clone(record), Box::new(request)));
    }
    if core.is_forbidden(session.peer.master, request.id) {
        return Ok(Next::Never);
    }
    let found = found?;
    let function = &*found.known.function;
    core.check_payload(request.data.len())?;
    // Counted before it looks: see `Tally::add`.
    round.ahead.count();
    session.check_open()?;
    let follows = follows(core, function, &request);
    let place = round.place(applicant(session, &request, function.is_blocking()), follows)?;
    let is_here = runs_here(core, function) && !matches!(place, Place::Queued { .. });
    let (came, now) = (round.clock.came(), round.clock.now());
    let deadline = is_here.then_some(function.function.timeout).flatten();
    let deadline =
        earlier(core.epoch.moment(came, request.deadline), core.epoch.moment(now, deadline));
    let begins = is_here.then_some(now);
    let admitted = Admitted { place, came, begins, deadline, buffer: round.bytes };
    let (record, known) = found.make(request, admitted, session);
    entry.add(RecordRef::clone(&record));
    round.ahead.begin();
    Ok(if is_here { Next::Begun { record, known, deadline } } else { Next::Parked(record) })
}

/// Whether it is run right here once it has a place.
fn runs_here(core: &Core, function: &Registered) -> bool {
    function.is_inline() && core.hooks.before_task.is_none()
}

/// Whether it may follow others in one slot.
fn follows(core: &Core, function: &Registered, request: &Request) -> bool {
    runs_here(core, function) && request.placement == Placement::Background
}

/// The earlier of two moments.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

fn applicant(session: &Session, request: &Request, blocking: bool) -> Applicant {
    Applicant {
        id: request.id,
        owner: session.peer.master,
        placement: request.placement,
        blocking,
        bytes: request.data.len(),
    }
}

/// The same start again is answered as the first was; another one under its id is refused.
fn again(session: &Session, record: &Record, request: &Request) {
    match check_same(session, record, request) {
        Ok(()) => repeat(record, &mut record.state(), session),
        Err(conflict) => session.refuse(request.id, conflict),
    }
}

/// Whether an execution is what another start under its id asks for.
pub(super) fn check_same(
    session: &Session,
    record: &Record,
    request: &Request,
) -> Result<(), Refusal> {
    if record.is_same_request(request) && record.origin.peer.master == session.peer.master {
        return Ok(());
    }
    let message = format!("another task was started under the id {}", request.id);
    Err(Refusal::because(ErrorCode::ExecutionConflict, message))
}
