//! Hands a running function something.

use selsyn_common::IntoPayload;
use selsyn_common::proto::{self, from_master::Frame};

use super::RunningTask;
use crate::error::InputError;

/// Input.
impl RunningTask {
    /// Hands the function something while it runs, and returns at once (CloudPSS: what `on_input`
    /// hears). Inputs arrive in the order in which they were sent; while the connection is away they
    /// wait, in this program's memory. What the function is too slow to take (more than 1,024 inputs
    /// or 64 MiB wait), or what comes after its end, is lost: it answers by its outputs, if at all.
    ///
    /// # Errors
    ///
    /// [`InputError`]; nothing was sent.
    pub fn send_input(&self, input: impl IntoPayload) -> Result<(), InputError> {
        let task = self.id();
        let input = input.into_payload().map_err(|source| InputError::Encode { task, source })?;
        let (bytes, limit) = (input.len(), self.cell.link().max_payload_bytes());
        if bytes > limit {
            return Err(InputError::TooLarge { task, bytes, limit });
        }
        if self.status().is_final() {
            return Err(InputError::Ended { task });
        }
        let (execution, data) = (Some(self.cell.id.into()), Some(input.into()));
        self.cell.link().send(Frame::Input(proto::Input { execution, data }));
        Ok(())
    }
}
