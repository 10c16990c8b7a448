//! Waits for executions by their ids.

mod all;
mod any;
mod look;
mod monitor;

use std::time::Duration;

use selsyn_common::{ExecutionId, FailedTask, FromPayload, Outcome};
use tokio::time::Instant;

use super::{Control, ControlError, PartsFailed};

pub(crate) use any::LOOK;
pub use look::{WaitLook, WaitedExecution};
pub use monitor::WaitMonitor;

/// Longest wait of one call: a slave that is gone is noticed soon after.
const ROUND: Duration = Duration::from_secs(20);

impl Control {
    /// Waits until an execution has ended, however it did (PyODPS: `wait_for_completion`); `None`
    /// waits without limit.
    ///
    /// # Errors
    ///
    /// [`ControlError::Elapsed`], with its id, when it did not end in time: it goes on.
    /// [`ControlError::WaitCancelled`] when its [monitor](Self::with_monitor) cancelled the wait.
    /// Otherwise as for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again: the execution goes on, and nothing reads as ended.
    pub async fn wait_for_completion(
        &self,
        id: ExecutionId,
        limit: Option<Duration>,
    ) -> Result<Outcome, ControlError> {
        self.monitored(&[id], limit, self.ended(id, limit)).await
    }

    /// A wait that this handle's monitor looks at, if it has one.
    async fn monitored<T>(
        &self,
        ids: &[ExecutionId],
        limit: Option<Duration>,
        wait: impl Future<Output = Result<T, ControlError>>,
    ) -> Result<T, ControlError> {
        let Some(monitor) = &self.0.monitor else { return wait.await };
        monitor.begin(limit);
        tokio::select! {
            biased;
            () = monitor.cancelled() => {
                Err(ControlError::WaitCancelled { waited: monitor.elapsed() })
            }
            ended = wait => ended,
            never = Box::pin(self.look_on(monitor, ids)) => match never {},
        }
    }

    /// Waits for the end of one execution, unseen.
    async fn ended(
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

    /// Waits for the value of an execution all of whose parts have succeeded, read as `T` (PyODPS:
    /// `wait_for_success`).
    ///
    /// # Errors
    ///
    /// [`ControlError::PartsFailed`] with the first part that has failed, and all others, when one
    /// has, or when it completed and a part has not succeeded; [`ControlError::NotCompleted`] with
    /// its failure when it ended otherwise; [`ControlError::Expired`] when it completed and went
    /// before its parts could be looked at: let the slave keep what has ended for longer;
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
        let outcome = self.wait_for_completion(id, limit).await?;
        // It may be gone by now. Its failure can be told without its function; its value is no
        // success, as nobody can say what became of its parts.
        let info = match self.get(id).await {
            Ok(info) => Some(info),
            Err(ControlError::NotFound { .. } | ControlError::Expired { .. }) => {
                if outcome.is_completed() {
                    return Err(ControlError::Expired { id });
                }
                None
            }
            Err(error) => return Err(error),
        };
        if info.as_ref().is_some_and(|info| info.parts > info.parts_succeeded) {
            let failed = PartsFailed::of(id, &outcome, self.parts_without_results(id).await?);
            failed.map_or(Ok(()), |failed| Err(ControlError::PartsFailed(Box::new(failed))))?;
        }
        let Outcome { status, result, .. } = outcome;
        match result {
            Ok(value) => {
                T::from_payload(&value).map_err(|source| ControlError::Unreadable { id, source })
            }
            Err(failure) => {
                let function = info.map(|info| info.function).unwrap_or_default().into();
                let (connection, failure) = (self.address().into(), Box::new(failure));
                let task = id.task;
                let failed = FailedTask { connection, task, function, status, failure };
                Err(ControlError::NotCompleted(failed))
            }
        }
    }

    /// Waits until all of these executions have ended, however they did, and gives how, in the
    /// order of the ids.
    ///
    /// # Errors
    ///
    /// As for [`wait_for_completion`](Self::wait_for_completion), of whichever cannot be waited for:
    /// it ends the wait at once. [`ControlError::NotFound`] and [`ControlError::Expired`] when the
    /// slave does not have one of them, before anything is waited for; also when one goes beyond the
    /// first 64 before its end was seen, which is looked for every second. The limit is for all of them
    /// together.
    ///
    /// # Cancel safety
    ///
    /// As for [`wait_for_completion`](Self::wait_for_completion).
    pub async fn wait_for_all(
        &self,
        ids: impl IntoIterator<Item = ExecutionId>,
        limit: Option<Duration>,
    ) -> Result<Vec<Outcome>, ControlError> {
        let ids: Vec<_> = ids.into_iter().collect();
        self.monitored(&ids, limit, Box::pin(self.all_ended(&ids, limit))).await
    }
}
