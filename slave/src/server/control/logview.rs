//! Makes addresses at which people look at executions, and takes them back.

use std::time::Duration;

use selsyn_common::proto::{
    Logview, MakeLogviewRequest, RevokeLogviewsReply, RevokeLogviewsRequest,
};
use tonic::Status;

use super::execution;
use crate::core::Core;
use crate::logview::MAX_VALID;

pub(super) fn make(core: &Core, request: &MakeLogviewRequest) -> Result<Logview, Status> {
    let record = execution::find(core, request.execution)?;
    let asked = Duration::from_secs(request.valid_seconds);
    let valid = if asked.is_zero() { MAX_VALID } else { asked.min(MAX_VALID) };
    let path = core.links.add(record.id, valid, core.epoch.now());
    let path = path.map_err(|error| Status::internal(error.to_string()))?;
    let base = core.registry.executor().named_pages().unwrap_or_default().to_owned();
    Ok(Logview { path, base, valid_seconds: valid.as_secs() })
}

pub(super) fn revoke(
    core: &Core,
    request: &RevokeLogviewsRequest,
) -> Result<RevokeLogviewsReply, Status> {
    let revoked = core.links.revoke(execution::read(request.execution)?, core.epoch.now());
    Ok(RevokeLogviewsReply { revoked: u32::try_from(revoked).unwrap_or(u32::MAX) })
}
