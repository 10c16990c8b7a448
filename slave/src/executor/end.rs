//! Gives an execution its verdict, keeps it and tells it.

use std::sync::{Arc, MutexGuard};

use selsyn_common::{Failure, FailureKind, Outcome, Payload, Ran, TaskStatus};
use tracing::{debug, warn};

use super::Round;
use super::slot::{leave, pass_on};
use crate::core::Core;
use crate::execution::Aside;
use crate::lifecycle::{End, Lifecycle};
use crate::records::{Record, RecordRef, State};
use crate::session::{Leaves, Session};

/// User code has ended, or was dropped. A verdict that was given before stands.
pub(super) fn ended(core: &Arc<Core>, record: &RecordRef, end: End, now: u64, leaves: Leaves) {
    match end {
        End::Value(value) => returned(core, record, value, now, None),
        end => judge(core, record, record.state(), end, now, leaves),
    }
}

/// It has returned a value, right here in a round or elsewhere. Where nobody had asked it to stop,
/// as is most common, it takes the short way.
#[inline(always)]
pub(super) fn returned(
    core: &Arc<Core>,
    record: &RecordRef,
    value: Payload,
    now: u64,
    round: Option<&mut Round<'_>>,
) {
    let mut state = record.state();
    let is_plain = !Aside::is_any(record, &state);
    if !is_plain || !is_within_limit(state.session(record), &value) || !state.life.complete() {
        let leaves = if round.is_some() { Leaves::WithBatch } else { Leaves::AtOnce };
        return judge(core, record, state, End::Value(value), now, leaves);
    }
    debug!(task.id = %record.id, status = %TaskStatus::Completed, "ended");
    // The slot is free before the result is told: who starts the next task right after this one
    // must not be refused.
    let bytes = value.len();
    let next = match round {
        Some(round) => {
            let next = round.leave(&mut state, bytes);
            state.keep_value(value, now);
            round.tell(record, &state);
            next
        }
        None => {
            let next = leave(core, record, &mut state, Some(bytes));
            state.keep_value(value, now);
            state.tell_verdict(record, Leaves::AtOnce);
            next
        }
    };
    settle(core, record, state);
    pass_on(core, next);
}

/// Says what an end is called, unless that was said before.
#[cold]
fn judge<'a>(
    core: &Arc<Core>,
    record: &'a Record,
    mut state: MutexGuard<'a, State>,
    mut end: End,
    now: u64,
    leaves: Leaves,
) {
    let aside = Aside::of(record, &state);
    if let Some(aside) = &aside {
        // What user code asked for may do anything when it is dropped.
        drop(state);
        end = aside.wind_up(end);
        state = record.state();
    }
    let Some(outcome) = state.life.end(end) else {
        warn!(task.id = %record.id, "the function returned after its verdict; dropped");
        let next = leave(core, record, &mut state, None);
        drop(state);
        record.notify();
        return pass_on(core, next);
    };
    let mut outcome = within_limit(state.session(record), outcome);
    aside.iter().for_each(|aside| aside.adorn(&mut outcome));
    let bytes = state.bytes_of(&outcome);
    let next = leave(core, record, &mut state, Some(bytes));
    conclude(core, record, state, outcome, now, leaves);
    pass_on(core, next);
}

/// It was stopped before it ran. What it was handed while it waited goes.
pub(super) fn never_ran(core: &Arc<Core>, record: &RecordRef, outcome: Outcome) {
    let mut state = record.state();
    let aside = Aside::of(record, &state);
    let bytes = state.bytes_of(&outcome);
    let next = leave(core, record, &mut state, Some(bytes));
    conclude(core, record, state, outcome, core.epoch.now(), Leaves::AtOnce);
    aside.iter().for_each(Aside::close);
    pass_on(core, next);
}

/// Its initializer failed: user code never ran. It may have been stopped while it waited.
pub(super) fn not_initialized(core: &Arc<Core>, record: &RecordRef, failure: Failure) {
    let verdict = record.state().life.end(End::Error(failure));
    if let Some(outcome) = verdict {
        never_ran(core, record, outcome);
    }
}

/// Gives the verdict of a run that has not ended, and keeps its place.
pub(super) fn give_up(
    core: &Arc<Core>,
    record: &RecordRef,
    verdict: impl FnOnce(&mut Lifecycle) -> Option<Outcome>,
) {
    let mut state = record.state();
    let Some(mut outcome) = verdict(&mut state.life) else { return };
    let aside = Aside::of(record, &state);
    aside.iter().for_each(|aside| aside.adorn(&mut outcome));
    core.admission().keep(state.bytes_of(&outcome));
    conclude(core, record, state, outcome, core.epoch.now(), Leaves::AtOnce);
}

/// Gives the verdict: to the record first, then to the master.
fn conclude(
    core: &Core,
    record: &Record,
    mut state: MutexGuard<'_, State>,
    outcome: Outcome,
    now: u64,
    leaves: Leaves,
) {
    debug!(task.id = %record.id, status = %outcome.status, "ended");
    state.keep(outcome, now);
    state.tell_verdict(record, leaves);
    settle(core, record, state);
}

/// The verdict is kept, and told.
#[inline(always)]
fn settle(core: &Core, record: &Record, mut state: MutexGuard<'_, State>) {
    let forgotten = state.session(record).is_forgotten();
    state.is_settled = true;
    drop(state);
    record.notify();
    if forgotten {
        core.retire(record);
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
