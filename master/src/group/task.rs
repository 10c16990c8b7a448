//! What a group shall do: one task for each member, and when that is enough.

use std::fmt;
use std::time::Duration;

use selsyn_common::{Context, Payload};

use super::callbacks::{Callback, Code};
use super::policy::Policy;
use super::{Group, GroupOutcome, RunningGroup, any, drive};
use crate::error::{InvalidGroup, StartError};
use crate::running::RunningTask;
use crate::task::Task;

type Setting = Box<dyn FnMut(Task) -> Task + Send>;

/// What a group shall do: a task for each member, and how many must complete. Not sent yet.
///
/// [`start`](Self::start) gives it to every member; [`start_any`](Self::start_any) to the one
/// that has most room.
#[must_use = "a task does nothing until it is started"]
pub struct GroupTask {
    pub(super) group: Group,
    /// One for each member.
    data: Vec<Payload>,
    settings: Vec<Setting>,
    pub(super) policy: Policy,
    pub(super) lets_others_run: bool,
    pub(super) callbacks: Vec<Callback>,
}

impl GroupTask {
    pub(crate) fn new(group: Group, data: Vec<Payload>) -> Self {
        let (settings, callbacks) = (Vec::new(), Vec::new());
        Self { group, data, settings, policy: Policy::All, lets_others_run: false, callbacks }
    }

    /// The task of one member, as it was set up; each call makes another task.
    pub(crate) fn task_of(&mut self, member: usize) -> Task {
        let connection = &self.group.connections()[member];
        let task = Task::new(connection.link().clone(), self.data[member].clone());
        self.settings.iter_mut().fold(task, |task, setting| setting(task))
    }

    /// Sets up the task of each member: hooks, callbacks, whatever a [`Task`] has. In the order
    /// of the group when it is started, and once for each try of `start_any`.
    pub fn each(mut self, f: impl FnMut(Task) -> Task + Send + 'static) -> Self {
        self.settings.push(Box::new(f));
        self
    }

    /// As [`Task::function`], for each member.
    pub fn function(self, name: impl AsRef<str>) -> Self {
        let name: Box<str> = name.as_ref().into();
        self.each(move |task| task.function(&name))
    }

    /// As [`Task::deadline`], for each member.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.each(move |task| task.deadline(deadline))
    }

    /// As [`Task::start_deadline`], for each member; for all tries of `start_any` together.
    pub fn start_deadline(self, deadline: Duration) -> Self {
        self.each(move |task| task.start_deadline(deadline))
    }

    /// As [`Task::foreground`], for each member.
    pub fn foreground(self) -> Self {
        self.each(Task::foreground)
    }

    /// As [`Task::label`], for each member.
    pub fn label(self, key: impl AsRef<str>, value: impl fmt::Display) -> Self {
        let (key, value): (Box<str>, _) = (key.as_ref().into(), value.to_string());
        self.each(move |task| task.label(&key, &value))
    }

    /// As [`Task::child_of`], for each member.
    pub fn child_of(self, parent: Context) -> Self {
        self.each(move |task| task.child_of(parent.clone()))
    }
}

/// When it is enough. As soon as that is decided, either way, the rest is cancelled.
impl GroupTask {
    /// All members must complete. The default.
    pub const fn all(mut self) -> Self {
        self.policy = Policy::All;
        self
    }

    /// One member must complete.
    pub const fn any(mut self) -> Self {
        self.policy = Policy::Any;
        self
    }

    /// `n` members must complete.
    ///
    /// # Errors
    ///
    /// [`InvalidGroup::Needed`] when `n` is 0 or more than there are.
    pub fn first(mut self, n: usize) -> Result<Self, InvalidGroup> {
        let members = self.data.len();
        if !(1..=members).contains(&n) {
            return Err(InvalidGroup::Needed { needed: n, members });
        }
        self.policy = Policy::First(n);
        Ok(self)
    }

    /// More than half of the members must complete.
    pub const fn quorum(mut self) -> Self {
        self.policy = Policy::Quorum;
        self
    }

    /// Lets the rest run when it is decided; every end counts then.
    pub const fn let_others_run(mut self) -> Self {
        self.lets_others_run = true;
        self
    }
}

/// Callbacks of the group as a whole. They run in the order in which they were chained, when
/// every member has ended and its own callbacks have returned, and before `join()` returns; one
/// that panics is recorded in the outcome, and the others run all the same.
impl GroupTask {
    /// Runs when as many have completed as the policy demands.
    pub fn on_complete(self, f: impl FnOnce(&GroupOutcome) + Send + 'static) -> Self {
        self.callback(true, Code::Sync(Box::new(f)))
    }

    /// The async form of [`Self::on_complete`].
    pub fn on_complete_async<F, Fut>(self, f: F) -> Self
    where
        F: FnOnce(GroupOutcome) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.callback(true, Code::Async(Box::new(move |outcome| Box::pin(f(outcome)))))
    }

    /// Runs when fewer have completed than the policy demands.
    pub fn on_fail(self, f: impl FnOnce(&GroupOutcome) + Send + 'static) -> Self {
        self.callback(false, Code::Sync(Box::new(f)))
    }

    /// The async form of [`Self::on_fail`].
    pub fn on_fail_async<F, Fut>(self, f: F) -> Self
    where
        F: FnOnce(GroupOutcome) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.callback(false, Code::Async(Box::new(move |outcome| Box::pin(f(outcome)))))
    }

    fn callback(mut self, wants_completed: bool, code: Code) -> Self {
        self.callbacks.push(Callback { wants_completed, code });
        self
    }
}

/// Starting.
impl GroupTask {
    /// Starts the task of every member, all at once, and waits until each start is answered or
    /// the policy is decided. A start that fails is a failure of its member like any other.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the whole group.
    pub async fn start(self) -> RunningGroup {
        drive::start(self).await
    }

    /// Starts the task on one member: the one with most free slots. When it refuses for a reason
    /// that another one may not have, the next is tried; when all refuse, they are asked again
    /// after the pause they name, or when a connection comes up, until the start deadline. Each
    /// try is a task of its own, with an id of its own. There is no queue.
    ///
    /// Policy and callbacks of the group do not apply: chain callbacks on what it gives. The
    /// `on_start_error` hook is told of the last word only. Tasks of other connections and
    /// masters on the same slaves are not known here, nor whether a function blocks.
    ///
    /// # Errors
    ///
    /// [`StartError::NoSlaveTook`] says what each said. [`StartError::Unknown`] ends the search:
    /// a task that may run is never started elsewhere. So does what no other slave can change: a
    /// veto of the before_start hook, and [`StartError::Stopped`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the try that is under way.
    pub async fn start_any(self) -> Result<RunningTask, StartError> {
        any::start_any(self).await
    }
}

impl fmt::Debug for GroupTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupTask")
            .field("group", &self.group)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}
