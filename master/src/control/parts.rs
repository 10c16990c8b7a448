//! Asks for the parts of an execution.

mod failed;

use std::time::Duration;

use selsyn_common::proto::ListPartsRequest;
use selsyn_common::{
    ExecutionId, PartProgress, PartReadError, PartResult, PartStatus, Parts, wire::WireError,
};

use super::line::Ask;
use super::{Control, ControlError};

pub use failed::PartsFailed;

/// The parts of an execution, which PyODPS calls the tasks of an instance. All of these methods
/// take nothing, and can be called while it runs and for as long as it is kept.
impl Control {
    /// The parts of an execution, in order, each with its status, its times, its stages and its
    /// result. None is open once it has ended.
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn parts(&self, id: ExecutionId) -> Result<Parts, ControlError> {
        self.list_parts(id, "", false).await
    }

    /// The names of its parts, in order (PyODPS: `get_task_names`).
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn part_names(&self, id: ExecutionId) -> Result<Vec<String>, ControlError> {
        let parts = self.parts_without_results(id).await?;
        Ok(parts.names().map(str::to_owned).collect())
    }

    /// Where each of its parts stands, in order (PyODPS: `get_task_statuses`).
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn part_statuses(
        &self,
        id: ExecutionId,
    ) -> Result<Vec<(String, PartStatus)>, ControlError> {
        let parts = self.parts_without_results(id).await?;
        Ok(parts.statuses().map(|(name, status)| (name.to_owned(), status)).collect())
    }

    /// What the part of this name gave; without a name the only part that there is (PyODPS:
    /// `get_task_result`).
    ///
    /// # Errors
    ///
    /// [`ControlError::Part`] when there is no such part, none at all or several without a name, or
    /// it has not succeeded; otherwise as for [`get`](Self::get). Reading the result has errors of
    /// its own: [`PartResult::read`].
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn part_result(
        &self,
        id: ExecutionId,
        name: Option<&str>,
    ) -> Result<PartResult, ControlError> {
        let wrong = |source| ControlError::Part { id, source };
        let parts = self.parts_without_results(id).await?;
        let part = parts.sought(name).map_err(wrong)?;
        part.success().map_err(wrong)?;
        // Only now: other results need not travel.
        let parts = self.list_parts(id, &part.name, false).await?;
        parts.result(Some(&part.name)).cloned().map_err(wrong)
    }

    /// What each of its parts gave, in order; nothing for those that have not succeeded (PyODPS:
    /// `get_task_results`).
    ///
    /// # Errors
    ///
    /// As for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn part_results(
        &self,
        id: ExecutionId,
    ) -> Result<Vec<(String, PartResult)>, ControlError> {
        let parts = self.parts(id).await?;
        Ok(parts.results().map(|(name, result)| (name.to_owned(), result.clone())).collect())
    }

    /// How far the stages of a part have come (PyODPS: `get_task_progress`, whose
    /// `get_stage_progress_formatted_string()` is its text).
    ///
    /// # Errors
    ///
    /// [`ControlError::Part`] when there is no such part; otherwise as for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn part_progress(
        &self,
        id: ExecutionId,
        name: Option<&str>,
    ) -> Result<PartProgress, ControlError> {
        let parts = self.parts_without_results(id).await?;
        let wrong = |source: PartReadError| ControlError::Part { id, source };
        Ok(parts.sought(name).map_err(wrong)?.progress())
    }

    /// The parts as [`parts`](Self::parts) gives them, but for what they gave.
    pub(super) async fn parts_without_results(
        &self,
        id: ExecutionId,
    ) -> Result<Parts, ControlError> {
        self.list_parts(id, "", true).await
    }

    async fn list_parts(
        &self,
        id: ExecutionId,
        name: &str,
        without_results: bool,
    ) -> Result<Parts, ControlError> {
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.list_parts(it).await });
        let (execution, name) = (Some(id.into()), name.to_owned());
        let mut request = ListPartsRequest { execution, name, without_results, from_place: 0 };
        let mut parts = Parts::default();
        loop {
            let page = self.call(Some(id), Duration::ZERO, request.clone(), ask).await?;
            for part in page.parts {
                parts.apply(self.read(part)?);
            }
            match page.next_place {
                0 => return Ok(parts),
                next if next > request.from_place => request.from_place = next,
                _ => {
                    let problem = "does not come after the page before";
                    let (frame, field) = ("ListPartsReply", "next_place");
                    let error = WireError { frame, field, problem };
                    return Err(ControlError::broken(self.address(), &error));
                }
            }
        }
    }
}
