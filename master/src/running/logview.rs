//! Lets people look at a running task.

use selsyn_common::Logview;

use super::RunningTask;
use crate::control::ControlError;

/// For people.
impl RunningTask {
    /// Makes an address at which people look at this run for a day: see
    /// [`Control::logview`](crate::Control::logview), which makes others. It is asked for beside the
    /// connection, as [`Connection::executions`](crate::Connection::executions) is.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotFound`] while the slave has not accepted the task;
    /// [`ControlError::Expired`] when it keeps nothing of it any more. Otherwise as there.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop: an address that nobody was told runs out.
    pub async fn logview(&self) -> Result<Logview, ControlError> {
        self.cell.link().control().logview(self.cell.id).await
    }
}
