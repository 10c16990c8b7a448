//! Executions and their events on the wire.

use super::outcome::same_words;
use super::{WireError, WireId, execution_id};
use crate::execution::time_of;
use crate::proto::{self, event::What};
use crate::{ExecutionEvent, ExecutionId, ExecutionInfo, Happened, MasterId, Phase};

same_words!(Phase = Phase, unknown: Running, {
    Waiting = Waiting, Running = Running, Stopping = Stopping, Ended = Ended,
});

impl TryFrom<proto::ExecutionInfo> for ExecutionInfo {
    type Error = WireError;

    fn try_from(wire: proto::ExecutionInfo) -> Result<Self, WireError> {
        let (phase, status) = (wire.phase().into(), wire.status().into());
        let foreground = wire.placement() == proto::Placement::Foreground;
        let moment = |micros: u64| (micros > 0).then(|| time_of(micros));
        Ok(Self {
            id: execution_id("ExecutionInfo", wire.execution)?,
            function: wire.function,
            owner: MasterId::from_wire("ExecutionInfo", "owner", &wire.owner)?,
            connection: wire.connection,
            phase,
            status,
            foreground,
            came: time_of(wire.came_micros),
            began: moment(wire.began_micros),
            ended: moment(wire.ended_micros),
            labels: wire.labels,
            stop_reason: wire.stop_reason,
            parent: wire.parent.map(ExecutionId::from),
            next_seq: wire.next_seq,
            parts: wire.parts,
            parts_succeeded: wire.parts_succeeded,
        })
    }
}

impl TryFrom<proto::Event> for ExecutionEvent {
    type Error = WireError;

    fn try_from(wire: proto::Event) -> Result<Self, WireError> {
        let what = match wire.what.ok_or(WireError::missing("Event", "what"))? {
            What::Accepted(_) => Happened::Accepted,
            What::Running(_) => Happened::Running,
            What::Stopping(stopping) => Happened::Stopping(stopping.reason),
            What::Output(output) => Happened::Output(output.try_into()?),
            What::Ended(outcome) => Happened::Ended((*outcome).try_into()?),
            What::Gap(gap) => Happened::Gap(gap.count),
        };
        Ok(Self { seq: wire.seq, at: time_of(wire.at_micros), what })
    }
}
