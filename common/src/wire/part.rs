//! Parts of executions on the wire.

use super::WireError;
use super::outcome::same_words;
use crate::execution::{micros_of, time_of};
use crate::proto;
use crate::{Failure, Part, PartResult, PartStatus, Payload, StageProgress};

same_words!(PartStatus = PartStatus, unknown: Running, {
    Waiting = Waiting, Running = Running, Success = Success, Failed = Failed,
    Suspended = Suspended, Cancelled = Cancelled,
});

impl From<StageProgress> for proto::StageProgress {
    fn from(stage: StageProgress) -> Self {
        let StageProgress { id, running, terminated, total, backup, .. } = stage;
        let StageProgress { records_in, records_out, percent, .. } = stage;
        let percent = percent.into();
        Self { id, running, terminated, total, backup, records_in, records_out, percent }
    }
}

impl From<proto::StageProgress> for StageProgress {
    fn from(wire: proto::StageProgress) -> Self {
        let percent = u8::try_from(wire.percent.min(100)).unwrap_or(100);
        let stage = Self::new(wire.id).workers(wire.running, wire.terminated, wire.total);
        stage.backup(wire.backup).records(wire.records_in, wire.records_out).percent(percent)
    }
}

impl From<Part> for proto::ExecutionPart {
    fn from(part: Part) -> Self {
        Self {
            place: part.place,
            revision: part.revision,
            name: part.name,
            status: proto::PartStatus::from(part.status).into(),
            reported_micros: micros_of(part.reported),
            began_micros: part.began.map_or(0, micros_of),
            ended_micros: part.ended.map_or(0, micros_of),
            stages: part.stages.into_iter().map(Into::into).collect(),
            result_truncated: part.result.extent() == crate::PartExtent::Truncated,
            result: part.result.into_value().map(Into::into),
            failure: part.failure.map(|failure| Box::new((*failure).into())),
        }
    }
}

impl TryFrom<proto::ExecutionPart> for Part {
    type Error = WireError;

    fn try_from(wire: proto::ExecutionPart) -> Result<Self, WireError> {
        if wire.name.is_empty() {
            return Err(WireError::missing("ExecutionPart", "name"));
        }
        let status = wire.status().into();
        let part = Self::waiting(wire.place, wire.name, time_of(wire.reported_micros));
        let some = |micros: u64| (micros > 0).then(|| time_of(micros));
        Ok(Self {
            revision: wire.revision,
            status,
            began: some(wire.began_micros),
            ended: some(wire.ended_micros),
            stages: wire.stages.into_iter().map(Into::into).collect(),
            result: PartResult::of(Payload::optional(wire.result), wire.result_truncated),
            failure: wire.failure.map(|failure| Box::new(Failure::from(*failure))),
            ..part
        })
    }
}
