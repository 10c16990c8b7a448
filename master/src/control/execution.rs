//! A handle to one execution, whoever started it.

use std::time::Duration;

use selsyn_common::{
    ExecutionId, ExecutionInfo, FromPayload, IntoPayload, Logview, Outcome, Picture,
};

use super::{Control, ControlError, Watch};

/// One execution of a slave: what [`Control`] can do, without naming it each time. Cheap to clone;
/// to drop it changes nothing.
///
/// A start without a session gives one, and [`Control::execution`] makes one of an id.
///
/// ```no_run
/// # async fn example(control: selsyn_master::Control) -> Result<(), Box<dyn std::error::Error>> {
/// let training = control.start("train", 20)?.await?;
/// training.wait_until_running(None).await?;
/// training.send_input("go on").await?;
/// println!("{:?}", training.picture().await?.get("loss"));
/// let loss: f64 = training.success(None).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Execution {
    control: Control,
    id: ExecutionId,
}

impl Control {
    /// A handle to this execution. Nothing is asked: whether there is one is found out later.
    pub fn execution(&self, id: ExecutionId) -> Execution {
        Execution { control: self.clone(), id }
    }
}

impl Execution {
    /// Which run.
    pub const fn id(&self) -> ExecutionId {
        self.id
    }

    /// The slave that it is on.
    pub const fn control(&self) -> &Control {
        &self.control
    }

    /// As [`Control::get`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn info(&self) -> Result<ExecutionInfo, ControlError> {
        self.control.get(self.id).await
    }

    /// As [`Control::wait_until_running`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn wait_until_running(
        &self,
        limit: Option<Duration>,
    ) -> Result<ExecutionInfo, ControlError> {
        self.control.wait_until_running(self.id, limit).await
    }

    /// As [`Control::wait_for_completion`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn wait(&self, limit: Option<Duration>) -> Result<Outcome, ControlError> {
        self.control.wait_for_completion(self.id, limit).await
    }

    /// As [`Control::wait_for_success`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn success<T: FromPayload>(
        &self,
        limit: Option<Duration>,
    ) -> Result<T, ControlError> {
        self.control.wait_for_success(self.id, limit).await
    }

    /// As [`Control::stop`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the wish on its way.
    pub async fn stop(&self, reason: impl Into<String>) -> Result<ExecutionInfo, ControlError> {
        self.control.stop(self.id, reason).await
    }

    /// As [`Control::send_input`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the input on its way.
    pub async fn send_input(&self, input: impl IntoPayload) -> Result<(), ControlError> {
        self.control.send_input(self.id, input).await
    }

    /// As [`Control::picture`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn picture(&self) -> Result<Picture, ControlError> {
        self.control.picture(self.id).await
    }

    /// Its events from the first one on: see [`Control::watch`].
    pub fn watch(&self) -> Watch {
        self.control.watch(self.id, 1)
    }

    /// As [`Control::logview`].
    ///
    /// # Errors
    ///
    /// As there.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn logview(&self) -> Result<Logview, ControlError> {
        self.control.logview(self.id).await
    }
}
