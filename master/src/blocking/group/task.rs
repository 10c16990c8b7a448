//! What a group shall do: one task for each member, and when that is enough.

use std::fmt;
use std::time::Duration;

use selsyn_common::Context;

use super::RunningGroup;
use super::carriers::Carriers;
use crate::blocking::{InsideRuntime, RunningTask, Task};
use crate::error::{InvalidGroup, NotStarted, StartError};
use crate::group::GroupOutcome;

/// What a group shall do, as [`crate::GroupTask`]: a task for each member, and how many must
/// complete. Not sent yet.
///
/// [`start`](Self::start) gives it to every member; [`start_any`](Self::start_any) to the one
/// that has most room.
#[derive(Debug)]
#[must_use = "a task does nothing until it is started"]
pub struct GroupTask {
    inner: crate::GroupTask,
    carriers: Carriers,
}

impl GroupTask {
    pub(super) const fn new(inner: crate::GroupTask, carriers: Carriers) -> Self {
        Self { inner, carriers }
    }

    /// Sets up the task of each member: hooks, callbacks, whatever a [`Task`] has. In the order
    /// of the group when it is started, and once for each try of `start_any`.
    ///
    /// [`start`](Self::start) starts all at once, on the thread that carries the first
    /// connection: there a sync `before_start` or `on_start_error` hook must not wait.
    pub fn each(self, mut f: impl FnMut(Task) -> Task + Send + 'static) -> Self {
        let carriers = self.carriers.clone();
        self.with(|inner| inner.each(move |task| f(carriers.task(task)).inner))
    }

    /// As [`Task::function`], for each member.
    pub fn function(self, name: impl AsRef<str>) -> Self {
        self.with(|inner| inner.function(name))
    }

    /// As [`Task::deadline`], for each member.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.with(|inner| inner.deadline(deadline))
    }

    /// As [`Task::start_deadline`], for each member; for all tries of `start_any` together.
    pub fn start_deadline(self, deadline: Duration) -> Self {
        self.with(|inner| inner.start_deadline(deadline))
    }

    /// As [`Task::foreground`], for each member.
    pub fn foreground(self) -> Self {
        self.with(crate::GroupTask::foreground)
    }

    /// As [`Task::label`], for each member.
    pub fn label(self, key: impl AsRef<str>, value: impl fmt::Display) -> Self {
        self.with(|inner| inner.label(key, value))
    }

    /// As [`Task::child_of`], for each member.
    pub fn child_of(self, parent: Context) -> Self {
        self.with(|inner| inner.child_of(parent))
    }

    fn with(mut self, change: impl FnOnce(crate::GroupTask) -> crate::GroupTask) -> Self {
        self.inner = change(self.inner);
        self
    }
}

/// When it is enough. As soon as that is decided, either way, the rest is cancelled.
impl GroupTask {
    /// All members must complete. The default.
    pub fn all(self) -> Self {
        self.with(crate::GroupTask::all)
    }

    /// One member must complete.
    pub fn any(self) -> Self {
        self.with(crate::GroupTask::any)
    }

    /// `n` members must complete.
    ///
    /// # Errors
    ///
    /// [`InvalidGroup::Needed`] when `n` is 0 or more than there are.
    pub fn first(mut self, n: usize) -> Result<Self, InvalidGroup> {
        self.inner = self.inner.first(n)?;
        Ok(self)
    }

    /// More than half of the members must complete.
    pub fn quorum(self) -> Self {
        self.with(crate::GroupTask::quorum)
    }

    /// Lets the rest run when it is decided; every end counts then.
    pub fn let_others_run(self) -> Self {
        self.with(crate::GroupTask::let_others_run)
    }
}

/// Callbacks of the group as a whole. They run in the order in which they were chained, when
/// every member has ended and its own callbacks have returned, and before `join()` returns; sync
/// ones may block. One that panics is recorded in the outcome, and the others run all the same.
impl GroupTask {
    /// Runs when as many have completed as the policy demands.
    pub fn on_complete(self, f: impl FnOnce(&GroupOutcome) + Send + 'static) -> Self {
        self.with(|inner| inner.on_complete(f))
    }

    /// The async form of [`Self::on_complete`].
    pub fn on_complete_async<F, Fut>(self, f: F) -> Self
    where
        F: FnOnce(GroupOutcome) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.with(|inner| inner.on_complete_async(f))
    }

    /// Runs when fewer have completed than the policy demands.
    pub fn on_fail(self, f: impl FnOnce(&GroupOutcome) + Send + 'static) -> Self {
        self.with(|inner| inner.on_fail(f))
    }

    /// The async form of [`Self::on_fail`].
    pub fn on_fail_async<F, Fut>(self, f: F) -> Self
    where
        F: FnOnce(GroupOutcome) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.with(|inner| inner.on_fail_async(f))
    }
}

/// Starting.
impl GroupTask {
    /// Starts the task of every member, all at once, and waits until each start is answered or
    /// the policy is decided. A start that fails is a failure of its member like any other.
    ///
    /// # Errors
    ///
    /// [`InsideRuntime`] in async code; nothing was sent.
    pub fn start(self) -> Result<RunningGroup, InsideRuntime> {
        let Self { inner, carriers } = self;
        let inner = carriers.wait("start()", inner.start())?;
        Ok(RunningGroup { inner, carriers })
    }

    /// Starts the task on one member: the one with most free slots, or another when that one
    /// refuses; until the start deadline. All else is as of [`crate::GroupTask::start_any`].
    ///
    /// # Errors
    ///
    /// [`StartError::NoSlaveTook`] says what each said. After [`StartError::Unknown`],
    /// [take up](super::Connection::take_up) the task it carries by the connection it names, and
    /// join it. [`StartError::InsideRuntime`] in async code: nothing was sent.
    pub fn start_any(self) -> Result<RunningTask, StartError> {
        let Self { mut inner, carriers } = self;
        if let Err(source) = carriers.may_wait("start_any()") {
            let first = inner.task_of(0);
            let task = NotStarted { id: first.id(), data: first.data().clone() };
            return Err(StartError::InsideRuntime { task, source });
        }
        let running = carriers.run(inner.start_any())?;
        Ok(carriers.running(running))
    }
}
