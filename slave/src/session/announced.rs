//! Frames whose payloads follow in parts: refused by their sizes before the parts come.

use std::sync::Arc;

use selsyn_common::link::PART_BYTES;
use selsyn_common::link::line::Announced;
use selsyn_common::proto::{self, FromMaster, from_master};
use selsyn_common::{ExecutionId, wire};

use super::Session;
use crate::core::Core;
use crate::executor;

/// Decides whether the parts are wanted.
pub(super) fn deal_with(
    core: &Arc<Core>,
    session: &Arc<Session>,
    announced: Announced<FromMaster>,
) {
    let frame = &announced.frame.frame;
    let bytes = announced.sizes.iter().fold(0, |sum: usize, size| sum.saturating_add(*size));
    let wanted = match frame {
        Some(from_master::Frame::Start(start)) => may_start(core, session, start, bytes),
        _ => core.check_payload(bytes),
    };
    // Each counts as a part at the least: otherwise tiny ones that never come had no bound.
    let room = wanted.and_then(|()| core.incoming.reserve(bytes.max(PART_BYTES)));
    match (room, frame) {
        (Ok(room), _) => session.outbox.expect(announced, Box::new(room)),
        (Err(refusal), Some(from_master::Frame::Start(start))) => {
            // A start that names no execution is answered as any other that does not.
            match wire::execution_id("Start", start.execution) {
                Ok(id) => session.refuse(id, refusal),
                Err(error) => session.violation(error.to_string(), false),
            }
        }
        (Err(refusal), _) => session.violation(refusal.message, false),
    }
}

/// What is known of a start without its data.
fn may_start(
    core: &Core,
    session: &Session,
    start: &proto::Start,
    bytes: usize,
) -> Result<(), selsyn_common::Refusal> {
    let is_known =
        start.execution.is_some_and(|id| core.records.get(ExecutionId::from(id)).is_some());
    core.check_payload(bytes)?;
    // A repeat is compared with the first, and needs no place.
    if is_known {
        return Ok(());
    }
    executor::may_admit(core, session.peer.master, start, bytes)
}
