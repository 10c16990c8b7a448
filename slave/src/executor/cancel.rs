//! Deals with a master's wish that an execution end.

use std::sync::Arc;

use selsyn_common::ExecutionId;
use selsyn_common::wire::WireError;

use super::ladder::ask_to_stop;
use super::retell::forbidden;
use crate::core::Core;
use crate::lifecycle::StopCause;
use crate::session::Session;

/// Characters of a cancel's reason that are kept: it stands in failures and logs.
const MAX_REASON: usize = 4_096;

/// As much of a reason as is kept.
pub(crate) fn short_reason(reason: &str) -> String {
    reason.chars().take(MAX_REASON).collect()
}

/// Deals with a cancel: stops the run, or makes sure that it never begins.
pub(crate) fn cancel(
    core: &Arc<Core>,
    session: &Session,
    id: ExecutionId,
    reason: String,
) -> Result<(), WireError> {
    let record = core.records.get(id).or_else(|| {
        core.forbid(session.peer.master, id);
        // Another session may have started it before the id was forbidden.
        core.records.get(id)
    });
    match record {
        None => session.send(forbidden(id)),
        Some(record) if record.origin.peer.master == session.peer.master => {
            ask_to_stop(core, &record, StopCause::Cancelled(short_reason(&reason)));
        }
        Some(_) => {
            return Err(WireError {
                frame: "Cancel",
                field: "execution",
                problem: "belongs to another master",
            });
        }
    }
    Ok(())
}
