//! Describes an execution as lists show it.

use selsyn_common::proto::{self, ExecutionInfo, Phase, Status};
use selsyn_common::wire::WireId;

use crate::admission::Placement;
use crate::core::Core;
use crate::lifecycle::Lifecycle;
use crate::records::{Record, State};

/// Characters of the reason of a stop that are told.
const MAX_REASON: usize = 256;

/// What there is to say of an execution.
pub(super) fn execution(core: &Core, record: &Record) -> ExecutionInfo {
    told(core, record, &record.state())
}

/// What there is to say of an execution in this state.
pub(super) fn told(core: &Core, record: &Record, state: &State) -> ExecutionInfo {
    let peer = &record.origin.peer;
    let label = |time: u64| core.logs.label(time);
    let verdict = state.verdict();
    let (parts, parts_succeeded) = count_parts(state);
    ExecutionInfo {
        execution: Some(record.id.into()),
        function: record.function.name.clone(),
        owner: peer.master.to_wire(),
        connection: peer.connection.clone(),
        phase: phase(state).into(),
        status: verdict.map_or(Status::Started, |(status, _)| status).into(),
        placement: placement(record.placement).into(),
        came_micros: label(state.came()),
        began_micros: state.began().map_or(0, label),
        ended_micros: verdict.map_or(0, |(_, ended)| label(ended)),
        labels: state.labels().to_vec(),
        stop_reason: stop_reason(&state.life),
        parent: state.lineage().map(|lineage| lineage.parent.into()),
        next_seq: Record::next_seq(state),
        parts,
        parts_succeeded,
    }
}

/// How many parts it has reported, and how many of them have succeeded.
fn count_parts(state: &State) -> (u32, u32) {
    let Some(extras) = state.asked_for() else { return (0, 0) };
    let parts = extras.parts();
    let count = |parts: usize| u32::try_from(parts).unwrap_or(u32::MAX);
    (count(parts.len()), count(parts.succeeded()))
}

/// Why it was asked to stop, as much of it as a list of thousands has room for.
fn stop_reason(life: &Lifecycle) -> String {
    let reason = life.stop_reason().unwrap_or_default();
    reason.chars().take(MAX_REASON).collect()
}

/// How far an execution has come.
pub(super) fn phase(state: &State) -> Phase {
    if state.result_bytes().is_some() {
        Phase::Ended
    } else if state.life.is_asked_to_stop() {
        Phase::Stopping
    } else if state.began().is_some() {
        Phase::Running
    } else {
        Phase::Waiting
    }
}

const fn placement(placement: Placement) -> proto::Placement {
    match placement {
        Placement::Background => proto::Placement::Background,
        Placement::Foreground => proto::Placement::Foreground,
    }
}
