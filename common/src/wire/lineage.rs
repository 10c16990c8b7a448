//! Where a task stands in its tree, on the wire.

use uuid::Uuid;

use crate::proto;
use crate::{Lineage, TaskId};

impl proto::Start {
    /// Says what the task descends from.
    #[must_use]
    pub fn with_lineage(mut self, lineage: Option<Lineage>) -> Self {
        self.lineage = lineage.map(|Lineage { parent, trace }| {
            let (trace_high, trace_low) = trace.uuid().as_u64_pair();
            Box::new(proto::Lineage { parent: Some(parent.into()), trace_high, trace_low })
        });
        self
    }

    /// What the task descends from; the parent is the root when the frame names no other.
    pub fn lineage(&self) -> Option<Lineage> {
        let lineage = self.lineage.as_deref()?;
        let parent: crate::ExecutionId = lineage.parent?.into();
        let trace = match (lineage.trace_high, lineage.trace_low) {
            (0, 0) => parent.task,
            (high, low) => TaskId::from_uuid(Uuid::from_u64_pair(high, low)),
        };
        Some(Lineage { parent, trace })
    }
}
