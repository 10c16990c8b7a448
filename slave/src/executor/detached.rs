//! Starts an execution that belongs to no session.

use std::sync::Arc;

use selsyn_common::{ErrorCode, MasterId, Refusal};
use tokio::time::Instant;

use super::admit::{Next, admit, check_same};
use super::ask::ask_hook;
use super::{Request, Round, in_place, ladder};
use crate::core::Core;
use crate::records::{RecordRef, Spares};

/// Starts an execution that belongs to no session, and waits until it is accepted: for its hook,
/// and for no longer than that may take.
pub(crate) async fn start_detached(
    core: &Arc<Core>,
    owner: MasterId,
    request: Request,
) -> Result<RecordRef, Refusal> {
    core.sessions.check_holder(owner)?;
    let record = begin(core, owner, request)?;
    record.until(|state| state.accepted || state.is_left).await;
    let state = record.state();
    if state.accepted {
        drop(state);
        return Ok(record);
    }
    let stopped = || Refusal::because(ErrorCode::StartForbidden, "it was stopped before it began");
    Err(state.refusal().unwrap_or_else(stopped))
}

fn begin(core: &Arc<Core>, owner: MasterId, request: Request) -> Result<RecordRef, Refusal> {
    let no_random = |error| {
        Refusal::because(ErrorCode::ServeFailed, format!("the slave has no random bytes: {error}"))
    };
    let session = core.detached.of(core, owner).map_err(no_random)?;
    let mut round = Round::new(core, &session, Instant::now());
    let mut spares = Spares::default();
    let found = spares.find(&core.registry, &request.function);
    match admit(&mut round, found, request).map_err(|refusal| *refusal)? {
        Next::Begun { record, known, deadline } => {
            if let Some(deadline) = deadline {
                ladder::watch_deadline(core, &record, deadline);
            }
            in_place::run_here(&mut round, known, RecordRef::clone(&record));
            Ok(record)
        }
        Next::Parked(record) => {
            ask_hook(core, RecordRef::clone(&record));
            Ok(record)
        }
        Next::Before(record, request) => check_same(&session, &record, &request).map(|()| record),
        Next::Never => {
            let message = "it was cancelled before it came, and never runs";
            Err(Refusal::because(ErrorCode::StartForbidden, message))
        }
    }
}
