//! How a slave stands, in bluesky's words.

use std::time::Duration;

use selsyn_common::proto::{
    ChangeEnvironmentRequest, Environment, EnvironmentChange, InfoReply, InfoRequest,
};
use selsyn_common::wire::WireId;
use selsyn_common::{BootId, ExecutionId};
use serde_json::{Value, json};

use super::FunctionCalls;
use crate::control::{Ask, Control, ControlError};

/// Time that a slave has to stop what runs, beside the patience of a call.
const CLOSING: Duration = Duration::from_secs(60);

/// What a slave does, in bluesky's words (`manager_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManagerState {
    /// Nothing runs in front; something may in the background.
    Idle,
    /// Something runs in front.
    ExecutingTask,
    /// What runs is being stopped.
    ClosingEnvironment,
    /// The environment is closed: calls are refused.
    Closed,
}

impl ManagerState {
    /// bluesky's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::ExecutingTask => "executing_task",
            Self::ClosingEnvironment => "closing_environment",
            Self::Closed => "closed",
        }
    }
}

/// How a slave stands at one moment (bluesky: `status`).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ManagerStatus {
    /// What it does.
    pub manager_state: ManagerState,
    /// What runs in front.
    pub foreground: Option<ExecutionId>,
    /// How many run in the background.
    pub worker_background_tasks: u32,
    /// How many wait for a slot.
    pub items_in_queue: u32,
    /// Changes at each end of a task, and at nothing else: who sees another one than before has
    /// results to look for.
    pub task_results_uid: String,
}

impl ManagerStatus {
    fn read(control: &Control, info: &InfoReply) -> Result<Self, ControlError> {
        let boot = BootId::from_wire("InfoReply", "boot_id", &info.boot_id);
        let boot = boot.map_err(|error| ControlError::broken(control.address(), &error))?;
        let foreground = info.foreground.map(ExecutionId::from);
        let manager_state = match info.environment() {
            Environment::Closing => ManagerState::ClosingEnvironment,
            Environment::Closed => ManagerState::Closed,
            Environment::Open | Environment::Unspecified if foreground.is_some() => {
                ManagerState::ExecutingTask
            }
            Environment::Open | Environment::Unspecified => ManagerState::Idle,
        };
        let in_front = u32::from(foreground.is_some());
        Ok(Self {
            manager_state,
            foreground,
            worker_background_tasks: info.running.saturating_sub(in_front),
            items_in_queue: info.queued,
            task_results_uid: format!("{}-{}", boot.uuid(), info.completions),
        })
    }

    /// Those fields of bluesky's `status` that a slave has.
    pub fn to_json(&self) -> Value {
        let exists = self.manager_state != ManagerState::Closed;
        json!({
            "manager_state": self.manager_state.name(),
            "worker_environment_exists": exists,
            "worker_background_tasks": self.worker_background_tasks,
            "items_in_queue": self.items_in_queue,
            "task_results_uid": self.task_results_uid,
        })
    }
}

impl FunctionCalls {
    /// How the slave stands (bluesky: `status`).
    ///
    /// # Errors
    ///
    /// [`ControlError::Connect`] and [`ControlError::Timeout`]: ask again.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn status(&self) -> Result<ManagerStatus, ControlError> {
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.info(it).await });
        let info = self.control.call(None, Duration::ZERO, InfoRequest {}, ask).await?;
        ManagerStatus::read(&self.control, &info)
    }

    /// The slave's readiness to run, to be changed.
    pub fn environment(&self) -> FunctionEnvironment {
        FunctionEnvironment { control: self.control.clone() }
    }
}

/// A slave's readiness to run: bluesky's environment. A slave is open from its start. Its functions
/// are registered by its operator and stay.
#[derive(Clone, Debug)]
pub struct FunctionEnvironment {
    control: Control,
}

impl FunctionEnvironment {
    /// Takes calls and tasks from here on (bluesky: `environment_open`). One that is open stays so.
    ///
    /// # Errors
    ///
    /// [`ControlError::Rejected`] while it is being closed, or the slave drains; otherwise as for
    /// [`FunctionCalls::status`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the wish on its way.
    pub async fn open(&self) -> Result<ManagerStatus, ControlError> {
        self.change(EnvironmentChange::Open, Duration::ZERO).await
    }

    /// Refuses calls and tasks from here on, ends those that run in the background or wait, and
    /// returns when all have ended (bluesky: `environment_close`).
    ///
    /// # Errors
    ///
    /// [`ControlError::Rejected`] with E0110 while something runs in front: nothing is changed;
    /// wait for it, or [`destroy`](Self::destroy). Otherwise as for [`FunctionCalls::status`].
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the wish on its way; one that has begun goes on.
    pub async fn close(&self) -> Result<ManagerStatus, ControlError> {
        self.change(EnvironmentChange::Close, CLOSING).await
    }

    /// As [`close`](Self::close), but ends what runs in front too, and what initializers made is
    /// forgotten (bluesky: `environment_destroy`). What does not stop when it is asked to ends LOST
    /// after the abort grace, and keeps its place until it returns.
    ///
    /// # Errors
    ///
    /// As for [`FunctionCalls::status`]; [`ControlError::Rejected`] when the slave drains.
    ///
    /// # Cancel safety
    ///
    /// As for [`close`](Self::close).
    pub async fn destroy(&self) -> Result<ManagerStatus, ControlError> {
        self.change(EnvironmentChange::Destroy, CLOSING).await
    }

    async fn change(
        &self,
        change: EnvironmentChange,
        more: Duration,
    ) -> Result<ManagerStatus, ControlError> {
        let request = ChangeEnvironmentRequest { change: change.into() };
        let ask: Ask<_, _> =
            |mut slave, it| Box::pin(async move { slave.change_environment(it).await });
        let info = self.control.call(None, more, request, ask).await?;
        ManagerStatus::read(&self.control, &info)
    }
}
