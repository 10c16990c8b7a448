//! Waits for the first of several executions to end.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use selsyn_common::{ErrorCode, ExecutionId, ExecutionInfo, Outcome, Refusal};
use tokio::time::{Instant, sleep_until};

use crate::control::{Control, ControlError};

/// Executions whose ends are waited for; others are looked at every [`LOOK`].
const WATCHED: usize = 64;

/// Pause between two looks at all of them.
pub(crate) const LOOK: Duration = Duration::from_secs(1);

impl Control {
    /// Waits until one of these executions has ended, however it did, and gives which and how: the
    /// one that ended first, where several have. At most 10,000. Ends beyond the first 64 may be
    /// noticed a second late.
    ///
    /// # Errors
    ///
    /// [`ControlError::Elapsed`], with the first id, when none has ended in time: all go on.
    /// [`ControlError::NotFound`] and [`ControlError::Expired`] when the slave does not have one of
    /// them. [`ControlError::Rejected`] when none is named. Otherwise as for
    /// [`wait_for_completion`](Self::wait_for_completion).
    ///
    /// # Cancel safety
    ///
    /// As for [`wait_for_completion`](Self::wait_for_completion).
    pub async fn wait_for_any(
        &self,
        ids: impl IntoIterator<Item = ExecutionId>,
        limit: Option<Duration>,
    ) -> Result<(ExecutionId, Outcome), ControlError> {
        let ids: Vec<_> = ids.into_iter().collect();
        let Some(first) = ids.first() else {
            let message = "no execution was named to wait for";
            let refusal = Refusal::because(ErrorCode::FilterInvalid, message);
            return Err(ControlError::Rejected(Box::new(refusal)));
        };
        let ended = Box::pin(self.first_to_end(&ids));
        let within = async {
            let Some(waited) = limit else { return ended.await };
            let elapsed = |_| Err(ControlError::Elapsed { id: *first, waited });
            tokio::time::timeout(waited, ended).await.unwrap_or_else(elapsed)
        };
        self.monitored(&ids, limit, within).await
    }

    async fn first_to_end(
        &self,
        ids: &[ExecutionId],
    ) -> Result<(ExecutionId, Outcome), ControlError> {
        loop {
            let looked = Instant::now();
            let known = self.statuses(ids.iter().copied()).await?;
            if let Some(info) = known.iter().filter(|info| info.is_ended()).min_by_key(|i| i.ended)
            {
                return Ok((info.id, self.result(info.id).await?));
            }
            self.refuse_missing(ids, &known).await?;
            tokio::select! {
                () = self.any_ends(ids) => {}
                () = sleep_until(looked + LOOK) => {}
            }
        }
    }

    /// The error of the first that the slave does not have, if there is one.
    pub(super) async fn refuse_missing(
        &self,
        ids: &[ExecutionId],
        known: &[ExecutionInfo],
    ) -> Result<(), ControlError> {
        match missing(ids, known.iter().map(|info| info.id)) {
            // It says whether it was ever there.
            Some(missing) => self.get(missing).await.map(drop),
            None => Ok(()),
        }
    }

    /// Waits until one of the first of these has ended; where none can be waited for, for ever.
    pub(crate) async fn any_ends(&self, ids: &[ExecutionId]) {
        let watched = ids.iter().take(WATCHED);
        let mut ends: FuturesUnordered<_> = watched.map(|id| self.ended(*id, Some(LOOK))).collect();
        while let Some(end) = ends.next().await {
            if end.is_ok() {
                return;
            }
        }
        // The next look says why.
        std::future::pending().await
    }
}

/// The first that the slave does not have. Ten thousand are looked for among as many, each second.
fn missing(ids: &[ExecutionId], known: impl Iterator<Item = ExecutionId>) -> Option<ExecutionId> {
    let known: HashSet<_> = known.collect();
    ids.iter().copied().find(|id| !known.contains(id))
}

#[cfg(test)]
mod tests {
    use selsyn_common::TaskId;

    use super::*;

    #[test]
    fn the_one_that_is_missing_is_found_among_very_many() {
        let id = |n: u128| ExecutionId::first(TaskId::from_random(n.to_be_bytes()));
        let ids: Vec<_> = (0..200_000).map(id).collect();
        assert_eq!(missing(&ids, ids.iter().rev().copied()), None);
        let all_but_the_last = ids.iter().rev().skip(1).copied();
        assert_eq!(missing(&ids, all_but_the_last), ids.last().copied());
    }
}
