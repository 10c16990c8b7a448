//! Starts an execution for a caller without a session.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::proto::{ExecutionInfo, StartRequest};
use selsyn_common::wire::{WireError, WireId};
use selsyn_common::{ErrorCode, ExecutionId, MasterId, Payload, Refusal, TaskId, proto};
use tonic::Status;

use super::answer::{refused, unreadable};
use super::describe;
use crate::admission::Placement;
use crate::core::Core;
use crate::executor::{self, Particulars, Request};
use crate::random;
use crate::registry::Wanted;

/// The owner of what nobody claims.
const NOBODY: [u8; 16] = [0; 16];

pub(super) async fn start(
    core: &Arc<Core>,
    mut request: StartRequest,
) -> Result<ExecutionInfo, Status> {
    let labels = std::mem::take(&mut request.labels);
    let particulars = Particulars::of(request.lineage.take(), labels).map_err(refused)?;
    let (owner, request) = read(request).map_err(|error| unreadable(&error))?;
    let id = request.id.map_or_else(new_id, Ok).map_err(refused)?;
    let request = request.with(id, particulars);
    let started = executor::start_detached(core, owner, request).await;
    Ok(describe::execution(core, &*started.map_err(refused)?))
}

/// A request whose id may still be missing.
struct Asked {
    id: Option<ExecutionId>,
    function: Wanted,
    data: Payload,
    deadline: Option<Duration>,
    placement: Placement,
}

impl Asked {
    fn with(self, id: ExecutionId, particulars: Option<Box<Particulars>>) -> Request {
        let Self { function, data, deadline, placement, .. } = self;
        Request { id, function, data, deadline, placement, particulars }
    }
}

fn read(request: StartRequest) -> Result<(MasterId, Asked), WireError> {
    let owner = if request.owner.is_empty() { &NOBODY[..] } else { &request.owner };
    let owner = MasterId::from_wire("StartRequest", "owner", owner)?;
    let placement = match request.placement() {
        proto::Placement::Foreground => Placement::Foreground,
        proto::Placement::Background | proto::Placement::Unspecified => Placement::Background,
    };
    let deadline = Duration::from_millis(request.deadline_millis);
    let data = request.data.map_or(Ok(Payload::null()), Payload::try_from)?;
    let asked = Asked {
        id: request.execution.map(ExecutionId::from),
        function: Wanted { number: 0, name: request.function },
        data,
        deadline: (!deadline.is_zero()).then_some(deadline),
        placement,
    };
    Ok((owner, asked))
}

/// An id for a caller that has none of its own.
fn new_id() -> Result<ExecutionId, Refusal> {
    let no_random = |error| {
        Refusal::because(ErrorCode::ServeFailed, format!("the slave has no random bytes: {error}"))
    };
    Ok(ExecutionId::first(TaskId::from_random(random::bytes().map_err(no_random)?)))
}
