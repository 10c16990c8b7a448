//! What few starts say, on the wire: whose children they are, and by what they are found.

use crate::proto;
use crate::{Lineage, TaskId};

impl proto::Start {
    /// Says what the task descends from, and by what it is found.
    #[must_use]
    pub fn with_particulars(mut self, lineage: Option<Lineage>, labels: Vec<String>) -> Self {
        let is_any = lineage.is_some() || !labels.is_empty();
        let lineage = lineage.map(proto::Lineage::from);
        self.particulars = is_any.then(|| Box::new(proto::Particulars { lineage, labels }));
        self
    }
}

impl From<Lineage> for proto::Lineage {
    fn from(Lineage { parent, trace }: Lineage) -> Self {
        let (trace_high, trace_low) = trace.halves();
        Self { parent: Some(parent.into()), trace_high, trace_low }
    }
}

impl proto::Lineage {
    /// What it says; nothing when it names no parent. The parent is the root when it names no other.
    pub fn descent(self) -> Option<Lineage> {
        let parent: crate::ExecutionId = self.parent?.into();
        let trace = match (self.trace_high, self.trace_low) {
            (0, 0) => parent.task,
            (high, low) => TaskId::from_halves(high, low),
        };
        Some(Lineage { parent, trace })
    }
}
