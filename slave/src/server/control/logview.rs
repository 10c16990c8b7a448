//! Makes addresses at which people look at executions, and takes them back.

use std::time::Duration;

use selsyn_common::proto::{
    Logview, MakeLogviewRequest, RevokeLogviewsReply, RevokeLogviewsRequest,
};
use selsyn_common::{ErrorCode, Refusal};
use tonic::Status;

use super::answer::refused;
use super::execution;
use crate::core::Core;
use crate::logview::{MAX_VALID, NoAddress};

pub(super) fn make(core: &Core, request: &MakeLogviewRequest) -> Result<Logview, Status> {
    let record = execution::find(core, request.execution)?;
    let asked = Duration::from_secs(request.valid_seconds);
    let valid = if asked.is_zero() { MAX_VALID } else { asked.min(MAX_VALID) };
    let is_kept = |id| core.logs.keeps(id);
    let path = core.links.add(record.id, valid, core.epoch.now(), is_kept);
    let path = path.map_err(|error| none_made(&error))?;
    let base = core.registry.executor().named_pages().unwrap_or_default().to_owned();
    Ok(Logview { path, base, valid_seconds: valid.as_secs() })
}

fn none_made(error: &NoAddress) -> Status {
    let message = error.to_string();
    match error {
        NoAddress::NoRandom(_) => Status::internal(message),
        NoAddress::Full { room_in } => {
            let mut full = Refusal::because(ErrorCode::LogviewsFull, message);
            full.retry_after = Some(*room_in);
            refused(full)
        }
    }
}

pub(super) fn revoke(
    core: &Core,
    request: &RevokeLogviewsRequest,
) -> Result<RevokeLogviewsReply, Status> {
    let revoked = core.links.revoke(execution::read(request.execution)?, core.epoch.now());
    Ok(RevokeLogviewsReply { revoked: u32::try_from(revoked).unwrap_or(u32::MAX) })
}
