//! Waits until at least one of several tasks has ended.

mod monitor;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use selsyn_common::{ErrorCode, TaskUid, TaskUidsError};
use tokio::time::{Instant, sleep};

use super::{FunctionCalls, TaskState};
use crate::control::{Control, ControlError};
use crate::hooks::Boxed;

pub use monitor::WaitMonitor;

/// Limit of a wait where none is set, as at bluesky.
const LIMIT: Duration = Duration::from_secs(600);

/// Tasks whose ends are waited for; others are looked at every [`LOOK`].
const WATCHED: usize = 64;

/// Pause between two looks at all tasks.
const LOOK: Duration = Duration::from_secs(1);

/// Why a wait for tasks gave nothing. The tasks go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaitTasksError {
    /// No task was named.
    #[error(transparent)]
    Parameter(#[from] TaskUidsError),
    /// None has ended in time (bluesky: `WaitTimeoutError`).
    #[error("none of the tasks ended within {limit:?}; they go on")]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The wait was cancelled by its monitor (bluesky: `WaitCancelError`).
    #[error("the wait was cancelled after {elapsed:?}; the tasks go on")]
    Cancelled {
        /// How long was waited.
        elapsed: Duration,
    },
    /// The slave cannot be asked.
    #[error(transparent)]
    Control(#[from] ControlError),
}

impl WaitTasksError {
    /// The row of the table of codes.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::Parameter(_) => ErrorCode::FilterInvalid,
            Self::TimedOut { .. } | Self::Cancelled { .. } => ErrorCode::JoinElapsed,
            Self::Control(error) => error.error_code(),
        }
    }

    /// The code that people look up.
    pub fn code(&self) -> &'static str {
        self.error_code().as_str()
    }
}

/// A wait for tasks, about to begin (bluesky: `wait_for_completed_task`). Await it: it gives the
/// tasks that have ended by then as soon as one has, each with how it stands.
#[derive(Debug)]
#[must_use = "nothing waits before this is awaited"]
pub struct WaitForTasks {
    calls: FunctionCalls,
    uids: Vec<TaskUid>,
    limit: Duration,
    monitor: WaitMonitor,
    not_found_is_completed: bool,
}

impl FunctionCalls {
    /// Begins a wait until at least one of these tasks has ended.
    pub fn wait_for_completed_task<U: Into<TaskUid>>(
        &self,
        uids: impl IntoIterator<Item = U>,
    ) -> WaitForTasks {
        WaitForTasks {
            calls: self.clone(),
            uids: uids.into_iter().map(Into::into).collect(),
            limit: LIMIT,
            monitor: WaitMonitor::default(),
            not_found_is_completed: true,
        }
    }
}

impl WaitForTasks {
    /// How long is waited at most; default 600 s.
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Lets somebody look at the wait, and cancel it.
    pub fn monitor(mut self, monitor: &WaitMonitor) -> Self {
        self.monitor = monitor.clone();
        self
    }

    /// Whether a task that the slave does not have ends the wait; default true. The answer says
    /// `NotFound` of it, and not `Completed`.
    pub const fn not_found_is_completed(mut self, yes: bool) -> Self {
        self.not_found_is_completed = yes;
        self
    }

    async fn wait(self) -> Result<BTreeMap<TaskUid, TaskState>, WaitTasksError> {
        if self.uids.is_empty() {
            return Err(TaskUidsError::NoTask.into());
        }
        if self.uids.iter().any(|uid| uid.as_str().is_empty()) {
            return Err(TaskUidsError::EmptyUid.into());
        }
        let monitor = self.monitor.clone();
        monitor.begin(self.limit);
        let (limit, deadline) = (self.limit, sleep(self.limit));
        tokio::select! {
            biased;
            () = monitor.cancelled() => Err(WaitTasksError::Cancelled { elapsed: monitor.elapsed() }),
            ended = self.ended() => Ok(ended?),
            () = deadline => Err(WaitTasksError::TimedOut { limit }),
        }
    }

    async fn ended(&self) -> Result<BTreeMap<TaskUid, TaskState>, ControlError> {
        loop {
            let mut states = self.calls.task_statuses(&self.uids).await?;
            let looked = Instant::now();
            let running: Vec<_> = states
                .iter()
                .filter(|(_, state)| **state == TaskState::Running)
                .map(|(uid, _)| uid.clone())
                .collect();
            states.retain(|_, state| match state {
                TaskState::Running => false,
                TaskState::Completed => true,
                TaskState::NotFound => self.not_found_is_completed,
            });
            if !states.is_empty() {
                return Ok(states);
            }
            tokio::select! {
                () = any_ends(&self.calls.control, &running) => {}
                () = tokio::time::sleep_until(looked + LOOK) => {}
            }
        }
    }
}

/// Waits until one of the first of these has ended; where none can be waited for, for ever.
async fn any_ends(control: &Control, running: &[TaskUid]) {
    let ids = running.iter().filter_map(TaskUid::execution).take(WATCHED);
    let mut ends: FuturesUnordered<_> =
        ids.map(|id| control.wait_for_completion(id, Some(LOOK))).collect();
    while let Some(end) = ends.next().await {
        if end.is_ok() {
            return;
        }
    }
    // The next look says why.
    std::future::pending().await
}

impl IntoFuture for WaitForTasks {
    /// The tasks that have ended, each with how it stands.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop: the tasks go on.
    type Output = Result<BTreeMap<TaskUid, TaskState>, WaitTasksError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.wait())
    }
}
