//! Stops a task when what it belongs to stops: its parent, or its group.

use std::sync::Arc;

use futures_util::future::select_all;
use selsyn_common::StopSignal;

use crate::cell::{SharedCell, State};

/// Those who may stop a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stops(Vec<Arc<dyn StopSignal>>);

impl Stops {
    pub(super) fn add(&mut self, signal: Arc<dyn StopSignal>) {
        self.0.push(signal);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Why it shall stop; `None` while it may go on.
    pub(crate) fn reason(&self) -> Option<String> {
        self.0.iter().find_map(|signal| signal.reason())
    }

    /// Waits until one of them says so; for ever when there is none.
    pub(crate) async fn stopped(&self) {
        if self.0.is_empty() {
            return std::future::pending().await;
        }
        select_all(self.0.iter().map(|signal| signal.stopped())).await;
    }

    /// Cancels the task when one of them says so; watches until the task has ended.
    pub(super) fn watch(&self, cell: &SharedCell) {
        if self.0.is_empty() {
            return;
        }
        let (stops, cell) = (self.clone(), SharedCell::clone(cell));
        cell.link().clone().spawn(async move {
            tokio::select! {
                biased;
                () = cell.until(State::ended) => {}
                () = stops.stopped() => {
                    cell.link().cancel(cell.id, &stops.reason().unwrap_or_default());
                }
            }
        });
    }
}
