//! Hands a running function something, whoever started it.

use std::time::Duration;

use selsyn_common::proto::SendInputRequest;
use selsyn_common::{ExecutionId, IntoPayload};

use super::line::Ask;
use super::{Control, ControlError};

impl Control {
    /// Hands the function something while it runs (CloudPSS: what `on_input` hears). It is there
    /// when this returns: the function has it, or it waits until the function asks. Inputs arrive
    /// in the order of their calls, each once.
    ///
    /// # Errors
    ///
    /// [`ControlError::InputFull`] when more than 1,024 inputs or 64 MiB of them would wait:
    /// the function is slow, or takes none. [`ControlError::AlreadyTerminal`] when it has ended.
    /// [`ControlError::NotEncodable`] when the input has no JSON form, [`ControlError::Rejected`]
    /// for more than 4,128,768 bytes: nothing was sent. After [`ControlError::Timeout`] it may have
    /// arrived. Otherwise as for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the input on its way.
    pub async fn send_input(
        &self,
        id: ExecutionId,
        input: impl IntoPayload,
    ) -> Result<(), ControlError> {
        let not_encodable = |source| ControlError::NotEncodable { id, source };
        let data = input.into_payload().map_err(not_encodable)?;
        ControlError::check_size(&data)?;
        // Told apart from others, as the call is made again where the way has broken.
        let (_, number) = self.new_task_id().halves();
        let (execution, data) = (Some(id.into()), Some(data.into()));
        let request = SendInputRequest { execution, data, number };
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.send_input(it).await });
        self.call(Some(id), Duration::ZERO, request, ask).await?;
        Ok(())
    }
}
