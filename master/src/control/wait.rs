//! Waits for executions by their ids.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use selsyn_common::{ExecutionId, FailedTask, FromPayload, Outcome};
use tokio::time::Instant;

use super::{Control, ControlError};

/// Longest wait of one call: a slave that is gone is noticed soon after.
const ROUND: Duration = Duration::from_secs(20);

/// Executions that are waited for at once: each is a stream of the channel, which has 128.
const AT_ONCE: usize = 64;

impl Control {
    /// Waits until an execution has ended, however it did (PyODPS: `wait_for_completion`); `None`
    /// waits without limit.
    ///
    /// # Errors
    ///
    /// [`ControlError::Elapsed`], with its id, when it did not end in time: it goes on. Otherwise
    /// as for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again: the execution goes on, and nothing reads as ended.
    pub async fn wait_for_completion(
        &self,
        id: ExecutionId,
        limit: Option<Duration>,
    ) -> Result<Outcome, ControlError> {
        let begun = Instant::now();
        loop {
            let left = limit.map_or(ROUND, |limit| limit.saturating_sub(begun.elapsed()));
            match self.result_within(id, left.min(ROUND)).await {
                Err(ControlError::NotEnded { id }) => {
                    if let Some(waited) = limit.filter(|limit| begun.elapsed() >= *limit) {
                        return Err(ControlError::Elapsed { id, waited });
                    }
                }
                ended => return ended,
            }
        }
    }

    /// Waits for the value of an execution, read as `T` (PyODPS: `wait_for_success`).
    ///
    /// # Errors
    ///
    /// [`ControlError::NotCompleted`] with its failure when it ended otherwise;
    /// [`ControlError::Unreadable`] when its value is no `T`; otherwise as for
    /// [`wait_for_completion`](Self::wait_for_completion).
    ///
    /// # Cancel safety
    ///
    /// As for [`wait_for_completion`](Self::wait_for_completion).
    pub async fn wait_for_success<T: FromPayload>(
        &self,
        id: ExecutionId,
        limit: Option<Duration>,
    ) -> Result<T, ControlError> {
        let Outcome { status, result, .. } = self.wait_for_completion(id, limit).await?;
        match result {
            Ok(value) => {
                T::from_payload(&value).map_err(|source| ControlError::Unreadable { id, source })
            }
            Err(failure) => {
                // Who has forgotten its function by now is told without it.
                let function = self.get(id).await.map(|info| info.function).unwrap_or_default();
                let (connection, function) = (self.address().into(), function.into());
                let failure = Box::new(failure);
                Err(ControlError::NotCompleted(FailedTask {
                    connection,
                    task: id.task,
                    function,
                    status,
                    failure,
                }))
            }
        }
    }

    /// Waits until all of these executions have ended, however they did, and gives how, in the
    /// order of the ids.
    ///
    /// # Errors
    ///
    /// As for [`wait_for_completion`](Self::wait_for_completion), of the first that cannot be
    /// waited for; the limit is for all of them together.
    ///
    /// # Cancel safety
    ///
    /// As for [`wait_for_completion`](Self::wait_for_completion).
    pub async fn wait_for_all(
        &self,
        ids: impl IntoIterator<Item = ExecutionId>,
        limit: Option<Duration>,
    ) -> Result<Vec<Outcome>, ControlError> {
        let begun = Instant::now();
        let ids: Vec<_> = ids.into_iter().collect();
        let waits = stream::iter(ids).map(|id| async move {
            let left = limit.map(|limit| limit.saturating_sub(begun.elapsed()));
            self.wait_for_completion(id, left).await
        });
        waits.buffered(AT_ONCE).try_collect().await
    }
}
