//! Hands an execution something, for a caller without a session.

use std::sync::Arc;

use selsyn_common::proto::{SendInputReply, SendInputRequest};
use selsyn_common::{ErrorCode, Payload, TaskStatus};
use tonic::Status;

use super::answer::{because, ended, refused, unreadable};
use super::execution::find;
use crate::core::Core;
use crate::execution::{Handed, hand_input};
use crate::records::Record;

pub(super) async fn send(
    core: &Arc<Core>,
    request: SendInputRequest,
) -> Result<SendInputReply, Status> {
    let record = find(core, request.execution)?;
    let data = Payload::required("SendInputRequest", "data", request.data)
        .map_err(|error| unreadable(&error))?;
    core.check_payload(data.len()).map_err(refused)?;
    match hand_input(core, &record, data, request.number) {
        Handed::Over => Err(over(&record).await),
        Handed::Full => {
            let message = format!("as many inputs wait for execution {} as may", record.id);
            Err(because(ErrorCode::InputFull, message))
        }
        Handed::Taken => Ok(SendInputReply {}),
    }
}

/// User code has ended: its verdict is here, or comes at once. One that was refused has none.
async fn over(record: &Record) -> Status {
    record.until(|state| state.verdict().is_some() || state.is_left).await;
    let verdict = record.state().verdict();
    let never = || because(ErrorCode::ExecutionNotFound, "it was refused, and never ran");
    verdict.map_or_else(never, |(status, _)| ended(record.id, TaskStatus::from(status)))
}
