//! A group that was started: wait for it, stop it.

use std::fmt;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};

use selsyn_common::FromPayload;
use tokio::sync::watch;

use super::GroupOutcome;
use super::stop::GroupStop;
use crate::error::GroupError;
use crate::hooks::Boxed;
use crate::running::RunningTask;

/// A group that was started. Cheap to clone; all clones are the same group. Dropping it leaves
/// the tasks running and the callbacks in force.
///
/// `running.await` is [`join`](Self::join).
#[derive(Clone)]
pub struct RunningGroup(pub(super) Arc<Shared>);

/// What the handles of a group and the task behind it share.
#[derive(Default)]
pub(super) struct Shared {
    /// The members that were started, with their place in the group.
    tasks: Mutex<Vec<(usize, RunningTask)>>,
    pub(super) stop: Arc<GroupStop>,
    pub(super) view: watch::Sender<View>,
}

/// How far the group has come.
#[derive(Default)]
pub(super) struct View {
    /// Every start was answered, or the policy is decided.
    pub(super) is_started: bool,
    pub(super) outcome: Option<GroupOutcome>,
}

impl Shared {
    /// A member has started.
    pub(super) fn started(&self, member: usize, running: RunningTask) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.push((member, running));
    }

    async fn ended(&self) -> GroupOutcome {
        let mut view = self.view.subscribe();
        let ended = view.wait_for(|view| view.outcome.is_some()).await;
        let outcome = ended.expect("the sender lives in self").outcome.clone();
        outcome.expect("it was waited for")
    }
}

impl RunningGroup {
    /// The tasks of the members that have started, in the order of the group.
    pub fn tasks(&self) -> Vec<RunningTask> {
        let tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut tasks = tasks.clone();
        tasks.sort_by_key(|(member, _)| *member);
        tasks.into_iter().map(|(_, running)| running).collect()
    }

    /// How it ended; `None` while it has not, and while callbacks run.
    pub fn outcome(&self) -> Option<GroupOutcome> {
        self.0.view.borrow().outcome.clone()
    }

    /// Waits until every member has its verdict and all callbacks have returned. Any number may
    /// wait; all get the same outcome.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again; the tasks go on.
    pub async fn join(&self) -> GroupOutcome {
        self.0.ended().await
    }

    /// Waits for the values of all members that completed in time, read as `T`, in the order of
    /// the group: with `all()` one for each member.
    ///
    /// # Errors
    ///
    /// [`GroupError::NotCompleted`] when too few completed, with how each member ended;
    /// [`GroupError::Unreadable`] when a value is not a `T`.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::join`].
    pub async fn success<T: FromPayload>(&self) -> Result<Vec<T>, GroupError> {
        self.join().await.success()
    }

    /// Asks every slave to stop its task, and returns at once; join to see what came of it.
    pub fn cancel(&self, reason: impl Into<String>) {
        self.0.stop.stop(reason.into());
    }
}

impl IntoFuture for RunningGroup {
    type Output = GroupOutcome;
    type IntoFuture = Boxed<GroupOutcome>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.join().await })
    }
}

impl fmt::Debug for RunningGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningGroup").field("tasks", &self.tasks()).finish_non_exhaustive()
    }
}
