//! Says when something of a connection is over: one timer for all of its tasks.

use tokio::time::Instant;

use super::{Inner, Link};
use crate::cell::Aftermath;
use crate::connection::in_flight::Patience;
use crate::dispatch::until;

impl Link {
    /// Waits until something is over. For the loop of the connection alone: what is over sooner
    /// is told to one.
    pub(crate) async fn due(&self) {
        loop {
            let next = {
                let mut inner = self.inner();
                inner.looks_at = inner.tasks.next_end();
                inner.looks_at
            };
            tokio::select! {
                () = self.sooner.notified() => {}
                () = until(next) => return,
            }
        }
    }

    /// Ends what is over: tasks whose window is, and the patience with starts.
    pub(crate) fn end_due(&self, now: Instant) {
        self.end_overdue(now);
        let mut after = Aftermath::default();
        let unanswered = self.inner().tasks.unanswered(now);
        unanswered.iter().for_each(|cell| cell.overdue(&mut after));
        after.deal_with(self);
    }
}

impl Inner {
    /// Whether the loop must be told to look sooner.
    pub(super) fn is_sooner(&mut self, patience: Patience) -> bool {
        let is_sooner = |until: &Instant| self.looks_at.is_none_or(|at| *until < at);
        let Some(until) = patience.until.filter(is_sooner) else { return false };
        self.looks_at = Some(until);
        true
    }
}
