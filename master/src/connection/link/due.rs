//! Says when something of a connection is over: one timer for all of its tasks.

use tokio::time::Instant;

use super::Link;
use crate::cell::Aftermath;
use crate::dispatch::until;

impl Link {
    /// Waits until something is over. For the loop of the connection alone: what is over sooner
    /// is told to one.
    pub(crate) async fn due(&self) {
        loop {
            let next = self.inner().tasks.next_end();
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
