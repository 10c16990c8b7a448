//! Reports named parts of a run, each with a status and a result of its own.

use std::fmt;
use std::sync::Arc;

use selsyn_common::{
    ExecutionId, Failure, IntoPayload, Part, PartChange, PartError, PartResult, StageProgress,
};

use super::FunctionExecution;
use crate::records::RecordRef;

/// Parts of the run. PyODPS calls them the tasks of an instance.
impl FunctionExecution {
    /// Adds a part to this run, which waits until something more is reported of it. A name has 1 to
    /// 256 bytes and no control characters.
    ///
    /// ```
    /// use selsyn_common::{Failure, StageProgress};
    /// use selsyn_slave::FunctionExecution;
    ///
    /// async fn count(execution: FunctionExecution, rows: u64) -> Result<u64, Failure> {
    ///     let part = execution.part("count")?;
    ///     part.running()?;
    ///     for done in 1..=rows {
    ///         let percent = u8::try_from(done * 100 / rows)?;
    ///         part.progress([StageProgress::new("M1").workers(1, 0, 1).percent(percent)])?;
    ///     }
    ///     part.succeeded(rows)?;
    ///     Ok(rows)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`PartError::Name`] and [`PartError::Duplicate`] for a name that it cannot have;
    /// [`PartError::TooMany`] when there are 10,000; [`PartError::ExecutionEnded`].
    pub fn part(&self, name: impl Into<String>) -> Result<ExecutionPart, PartError> {
        let (name, mut place) = (name.into(), 0);
        let told = name.clone();
        self.record.report(|parts, now| {
            let part = parts.add(told, now)?;
            place = part.place;
            Ok(Some(part))
        })?;
        Ok(ExecutionPart { record: RecordRef::clone(&self.record), place, name: name.into() })
    }
}

/// A part of a run, for the code that works on it: reports where it stands. Cheap to clone, may go
/// to other threads; outlives nothing.
///
/// Whoever watches sees each report as an output, and `Control` keeps what was reported last. What
/// is open when the run ends fails with it or is cancelled: see
/// [`Parts::end`](selsyn_common::Parts::end).
///
/// # Errors
///
/// Its methods give [`PartError::Ended`] once it has ended, [`PartError::ExecutionEnded`] once the
/// run has, [`PartError::TooLarge`] over 1 MB, and [`PartError::TooLargeTogether`] when all parts
/// of the run have more than 64 MiB. What was refused has changed nothing.
#[derive(Clone)]
pub struct ExecutionPart {
    record: RecordRef,
    place: u32,
    name: Arc<str>,
}

impl ExecutionPart {
    /// What names it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which run it is a part of.
    pub fn execution(&self) -> ExecutionId {
        self.record.id
    }

    /// It runs from here on. One that runs already goes on.
    ///
    /// # Errors
    ///
    /// As for all of its methods.
    pub fn running(&self) -> Result<(), PartError> {
        self.report(PartChange::Begin)
    }

    /// Reports how far its stages have come, all of them; it runs from here on.
    ///
    /// # Errors
    ///
    /// [`PartError::Stage`] for a stage without a name, or done by more than 100 percent;
    /// [`PartError::TooManyStages`] for more than 1,000; otherwise as for all of its methods.
    pub fn progress(
        &self,
        stages: impl IntoIterator<Item = StageProgress>,
    ) -> Result<(), PartError> {
        // One more than there may be tells that there are too many, however many are given.
        let stages = stages.into_iter().take(Part::MAX_STAGES + 1).collect();
        self.report(PartChange::Progress(stages))
    }

    /// It has succeeded, with this result.
    ///
    /// # Errors
    ///
    /// [`PartError::NotEncodable`] when the result has no JSON form; otherwise as for all of its
    /// methods.
    pub fn succeeded(&self, result: impl IntoPayload) -> Result<(), PartError> {
        self.succeeded_with(PartResult::full(result)?)
    }

    /// It has succeeded, with a result that may be a beginning only, or none.
    ///
    /// # Errors
    ///
    /// As for all of its methods.
    pub fn succeeded_with(&self, result: PartResult) -> Result<(), PartError> {
        self.report(PartChange::Succeed(result))
    }

    /// It has failed. The run itself goes on; whoever waits for its success is told.
    ///
    /// # Errors
    ///
    /// As for all of its methods.
    pub fn failed(&self, failure: impl Into<Failure>) -> Result<(), PartError> {
        self.report(PartChange::Fail(Box::new(failure.into())))
    }

    /// It was stopped, or will not be done; why.
    ///
    /// # Errors
    ///
    /// As for all of its methods.
    pub fn cancelled(&self, reason: impl Into<String>) -> Result<(), PartError> {
        self.report(PartChange::Cancel(reason.into()))
    }

    fn report(&self, change: PartChange) -> Result<(), PartError> {
        self.record.report(|parts, now| parts.change(self.place, change, now))
    }
}

impl fmt::Debug for ExecutionPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecutionPart")
            .field("execution", &self.record.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
