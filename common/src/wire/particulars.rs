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
    /// What it says; nothing when it names no parent, or one that is all zero, as whoever filled in
    /// nothing sends it. The parent is the root when it names no other.
    pub fn descent(self) -> Option<Lineage> {
        let is_named = |parent: &proto::ExecutionId| *parent != proto::ExecutionId::default();
        let parent: crate::ExecutionId = self.parent.filter(is_named)?.into();
        let trace = match (self.trace_high, self.trace_low) {
            (0, 0) => parent.task,
            (high, low) => TaskId::from_halves(high, low),
        };
        Some(Lineage { parent, trace })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lineage_without_a_parent_or_of_one_that_is_all_zero_says_nothing() {
        let of = |parent| proto::Lineage { parent, trace_high: 1, trace_low: 2 };
        assert_eq!(of(None).descent(), None);
        assert_eq!(of(Some(proto::ExecutionId::default())).descent(), None);
        let parent = proto::ExecutionId { task_high: 0, task_low: 3, attempt: 1 };
        assert_eq!(of(Some(parent)).descent().unwrap().parent, parent.into());
    }
}
