//! Where a task stands in its tree, on the wire.

use uuid::Uuid;

use crate::proto;
use crate::{Lineage, TaskId};

impl proto::Start {
    /// Says what the task descends from.
    #[must_use]
    pub fn with_lineage(mut self, lineage: Option<Lineage>) -> Self {
        if let Some(Lineage { parent, trace }) = lineage {
            self.parent = Some(parent.into());
            (self.trace_high, self.trace_low) = trace.uuid().as_u64_pair();
        }
        self
    }

    /// What the task descends from; the parent is the root when the frame names no other.
    pub fn lineage(&self) -> Option<Lineage> {
        let parent: crate::ExecutionId = self.parent?.into();
        let trace = match (self.trace_high, self.trace_low) {
            (0, 0) => parent.task,
            (high, low) => TaskId::from_uuid(Uuid::from_u64_pair(high, low)),
        };
        Some(Lineage { parent, trace })
    }
}
