//! A group that was started: wait for it, stop it.

use selsyn_common::FromPayload;

use super::carriers::Carriers;
use crate::blocking::{InsideRuntime, RunningTask};
use crate::error::GroupError;
use crate::group::GroupOutcome;

/// A group that was started, as [`crate::RunningGroup`]. Cheap to clone; all clones are the same
/// group. Dropping it leaves the tasks running and the callbacks in force.
#[derive(Clone, Debug)]
pub struct RunningGroup {
    pub(super) inner: crate::RunningGroup,
    pub(super) carriers: Carriers,
}

impl RunningGroup {
    /// The tasks of the members that have started, in the order of the group.
    pub fn tasks(&self) -> Vec<RunningTask> {
        self.inner.tasks().into_iter().map(|task| self.carriers.running(task)).collect()
    }

    /// How it ended; `None` while it has not, and while callbacks run.
    pub fn outcome(&self) -> Option<GroupOutcome> {
        self.inner.outcome()
    }

    /// Waits until every member has its verdict and all callbacks have returned. Any number may
    /// wait; all get the same outcome.
    ///
    /// # Errors
    ///
    /// [`InsideRuntime`] in async code; the group is untouched.
    pub fn join(&self) -> Result<GroupOutcome, InsideRuntime> {
        self.carriers.wait("join()", self.inner.join())
    }

    /// Waits for the values of all members that completed in time, read as `T`, in the order of
    /// the group: with `all()` one for each member.
    ///
    /// # Errors
    ///
    /// [`GroupError::NotCompleted`] when too few completed, with how each member ended;
    /// [`GroupError::Unreadable`] when a value is not a `T`; [`GroupError::InsideRuntime`] in
    /// async code.
    pub fn success<T: FromPayload>(&self) -> Result<Vec<T>, GroupError> {
        self.carriers.wait("success()", self.inner.success())?
    }

    /// Asks every slave to stop its task, and returns at once; join to see what came of it.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.inner.cancel(reason);
    }
}
