//! An execution as the parent of the tasks that its function starts elsewhere.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use selsyn_common::{Context, Lineage, StopSignal, TaskId};
use tokio::time::Instant;

use crate::records::{Record, RecordRef};

/// What the children of an execution inherit.
pub(crate) fn context(record: &RecordRef) -> Context {
    let lineage = Lineage { parent: record.id, trace: trace_id(record) };
    let deadline = record.state().deadline().map(Instant::into_std);
    Context::new(lineage, deadline, Arc::new(Parent(RecordRef::clone(record))))
}

/// The root of the tree that the execution belongs to.
pub(crate) fn trace_id(record: &Record) -> TaskId {
    record.lineage().map_or(record.id.task, |lineage| lineage.trace)
}

/// What stops the children of an execution.
#[derive(Debug)]
struct Parent(RecordRef);

impl StopSignal for Parent {
    fn reason(&self) -> Option<String> {
        let (asked, is_left) = {
            let state = self.0.state();
            (state.life.stop_reason(), state.is_left)
        };
        let parent = format!("its parent {} (function {})", self.0.id, self.0.function.name);
        match asked {
            Some(why) => Some(format!("{parent} was asked to stop: {why}")),
            None => is_left.then(|| format!("{parent} has ended")),
        }
    }

    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.0.until(|state| state.life.is_asked_to_stop() || state.is_left))
    }
}
