//! Waits until at least one of several tasks has ended.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::time::Duration;

use selsyn_common::{ErrorCode, TaskUid, TaskUidsError};
use tokio::time::{Instant, sleep};

use super::{FunctionCalls, TaskState};
use crate::control::{ControlError, LOOK, WaitMonitor};
use crate::error::InsideRuntime;
use crate::hooks::Boxed;

/// Limit of a wait where none is set, as at bluesky.
const LIMIT: Duration = Duration::from_secs(600);

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

impl From<InsideRuntime> for WaitTasksError {
    fn from(error: InsideRuntime) -> Self {
        Self::Control(error.into())
    }
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
        monitor.begin(Some(self.limit));
        let ids: Vec<_> = self.uids.iter().filter_map(TaskUid::execution).collect();
        let (limit, deadline) = (self.limit, sleep(self.limit));
        tokio::select! {
            biased;
            () = monitor.cancelled() => Err(WaitTasksError::Cancelled { elapsed: monitor.elapsed() }),
            ended = self.ended() => Ok(ended?),
            () = deadline => Err(WaitTasksError::TimedOut { limit }),
            never = Box::pin(self.calls.control.look_on(&monitor, &ids)) => match never {},
        }
    }

    async fn ended(&self) -> Result<BTreeMap<TaskUid, TaskState>, ControlError> {
        loop {
            let mut states = self.calls.task_statuses(&self.uids).await?;
            let looked = Instant::now();
            let running: Vec<_> = states
                .iter()
                .filter(|(_, state)| **state == TaskState::Running)
                .filter_map(|(uid, _)| uid.execution())
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
                () = self.calls.control.any_ends(&running) => {}
                () = tokio::time::sleep_until(looked + LOOK) => {}
            }
        }
    }
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
