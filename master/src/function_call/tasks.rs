//! Asks what became of calls.

use std::collections::BTreeMap;

use selsyn_common::{ExecutionId, TaskUid};

use super::{CompletedTask, FunctionCalls, TaskReply, TaskState};
use crate::control::ControlError;

impl FunctionCalls {
    /// Where a task stands (bluesky: `task_status` of one uid). A uid that nobody has is no error.
    ///
    /// # Errors
    ///
    /// [`ControlError::Connect`] and [`ControlError::Timeout`]: ask again.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn task_status(&self, uid: impl Into<TaskUid>) -> Result<TaskState, ControlError> {
        let states = self.task_statuses([uid]).await?;
        Ok(states.into_values().next().unwrap_or(TaskState::NotFound))
    }

    /// Where several tasks stand, each uid once (bluesky: `task_status` of a list).
    ///
    /// # Errors
    ///
    /// As for [`task_status`](Self::task_status); [`ControlError::Rejected`] for more than 10,000.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn task_statuses<U: Into<TaskUid>>(
        &self,
        uids: impl IntoIterator<Item = U>,
    ) -> Result<BTreeMap<TaskUid, TaskState>, ControlError> {
        let uids: Vec<TaskUid> = uids.into_iter().map(Into::into).collect();
        let known = self.control.statuses(uids.iter().filter_map(TaskUid::execution)).await?;
        let known: BTreeMap<ExecutionId, TaskState> = known
            .into_iter()
            .map(|info| {
                let state = if info.is_ended() { TaskState::Completed } else { TaskState::Running };
                (info.id, state)
            })
            .collect();
        let state = |uid: &TaskUid| uid.execution().and_then(|id| known.get(&id).copied());
        let state = |uid| (state(&uid).unwrap_or(TaskState::NotFound), uid);
        Ok(uids.into_iter().map(state).map(|(state, uid)| (uid, state)).collect())
    }

    /// What the slave has to say of a task (bluesky: `task_result`). It takes nothing: the result
    /// can be asked for again, while it is kept.
    ///
    /// # Errors
    ///
    /// As for [`task_status`](Self::task_status).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn task_result(&self, uid: impl Into<TaskUid>) -> Result<TaskReply, ControlError> {
        let task_uid = uid.into();
        let found = match task_uid.execution() {
            Some(id) => self.found(&task_uid, id).await,
            None => return Ok(TaskReply::NotFound { task_uid }),
        };
        match found {
            Err(ControlError::NotFound { .. } | ControlError::Expired { .. }) => {
                Ok(TaskReply::NotFound { task_uid })
            }
            found => found,
        }
    }

    async fn found(&self, uid: &TaskUid, id: ExecutionId) -> Result<TaskReply, ControlError> {
        let info = self.control.get(id).await?;
        let task_uid = uid.clone();
        if info.is_ended() {
            let outcome = self.control.result(id).await?;
            return Ok(TaskReply::Completed(Box::new(CompletedTask::new(
                task_uid, &info, outcome,
            ))));
        }
        let (time_start, run_in_background) = (info.came, !info.foreground);
        Ok(TaskReply::Running { task_uid, time_start, run_in_background })
    }
}
