//! How far an execution has come, and what it has shown so far.

use std::time::Duration;

use selsyn_common::{ExecutionId, ExecutionInfo, Happened, Picture};
use tokio::time::timeout;

use super::{Control, ControlError};

/// The number of the event that follows [`Happened::Accepted`]: user code begins, or it has ended.
const AFTER_ACCEPTED: u64 = 2;

impl Control {
    /// Waits until user code has begun, or the execution has ended without: what it gives tells
    /// which. `None` waits without limit.
    ///
    /// # Errors
    ///
    /// [`ControlError::Elapsed`], with its id, when it has not begun in time: it goes on waiting.
    /// Otherwise as for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn wait_until_running(
        &self,
        id: ExecutionId,
        limit: Option<Duration>,
    ) -> Result<ExecutionInfo, ControlError> {
        let mut events = self.watch(id, AFTER_ACCEPTED);
        let begun = match limit {
            None => events.next().await,
            Some(waited) => timeout(waited, events.next())
                .await
                .unwrap_or(Some(Err(ControlError::Elapsed { id, waited }))),
        };
        begun.transpose()?;
        self.get(id).await
    }

    /// What an execution has shown so far, folded by key and verb, as
    /// [`RunningTask::picture`](crate::RunningTask::picture) has it; of what is kept no more
    /// [`Picture::missed`] tells. It reads all events that there are: whoever wants to go on
    /// looking folds those of a [`watch`](Self::watch).
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn picture(&self, id: ExecutionId) -> Result<Picture, ControlError> {
        let (mut events, mut picture) = (self.watch(id, 1), Picture::new());
        while !events.caught_up() {
            let Some(event) = events.next().await.transpose()? else { break };
            if let Happened::Output(output) = event.what {
                picture.apply(output);
            }
        }
        Ok(picture)
    }
}
