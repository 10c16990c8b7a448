//! Answers what is asked about one execution.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::unfold;
use selsyn_common::proto::{
    self, ExecutionExistsReply, ExecutionInfo, Outcome, ResultRequest, StopExecutionRequest,
    WatchRequest,
};
use selsyn_common::{ErrorCode, ExecutionId, TaskStatus, wire};
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use super::answer::{because, ended, unreadable};
use super::describe;
use crate::core::Core;
use crate::executor::{ask_to_stop, short_reason};
use crate::lifecycle::StopCause;
use crate::records::{EventBytes, Reading, RecordRef};

/// Longest wait for a result: whoever waits longer asks again, so that nobody's call is forgotten.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// Finds an execution, or says whether it ever was here.
pub(super) fn find(core: &Core, id: Option<proto::ExecutionId>) -> Result<RecordRef, Status> {
    let id = read(id)?;
    core.sweep();
    core.records.get(id).ok_or_else(|| {
        if core.records.is_gone(id) {
            because(ErrorCode::ExecutionExpired, format!("execution {id} is kept no more"))
        } else {
            because(ErrorCode::ExecutionNotFound, format!("there never was an execution {id} here"))
        }
    })
}

pub(super) fn exists(
    core: &Core,
    id: Option<proto::ExecutionId>,
) -> Result<ExecutionExistsReply, Status> {
    let id = read(id)?;
    core.sweep();
    let exists = core.records.get(id).is_some();
    Ok(ExecutionExistsReply { exists, expired: !exists && core.records.is_gone(id) })
}

pub(super) fn stop(
    core: &Arc<Core>,
    request: StopExecutionRequest,
) -> Result<ExecutionInfo, Status> {
    let record = find(core, request.execution)?;
    let verdict = record.state().verdict();
    match verdict {
        Some((status, _)) if !request.ended_is_fine => {
            return Err(ended(record.id, TaskStatus::from(status)));
        }
        Some(_) => {}
        None => ask_to_stop(core, &record, StopCause::Stopped(short_reason(&request.reason))),
    }
    Ok(describe::execution(core, &record))
}

/// The events of an execution until its end, or the slave's.
pub(super) fn watch(
    core: &Arc<Core>,
    request: WatchRequest,
) -> Result<impl Stream<Item = Result<EventBytes, Status>> + Send + use<>, Status> {
    let record = find(core, request.execution)?;
    let events = Box::pin(Reading::all(record, request.from_seq));
    Ok(unfold((events, core.stopped.clone()), async |(mut events, stopped)| {
        let next = tokio::select! {
            biased;
            next = events.next() => next.map(Ok),
            // The end of the stream would say that there are no more.
            () = stopped.cancelled() => Some(Err(Status::unavailable("the slave stops"))),
        };
        next.map(|next| (next, (events, stopped)))
    }))
}

pub(super) async fn result(core: &Core, request: ResultRequest) -> Result<Outcome, Status> {
    let record = find(core, request.execution)?;
    let wait = Duration::from_millis(request.wait_millis).min(MAX_WAIT);
    let ended = record.until(|state| state.result_bytes().is_some() || state.is_left);
    tokio::select! {
        biased;
        _ = timeout(wait, ended) => {}
        () = core.stopped.cancelled() => {}
    }
    let outcome = record.state().outcome();
    let running = || {
        if core.stopped.is_cancelled() {
            return Status::unavailable("the slave stops");
        }
        let message = format!("execution {} has not ended", record.id);
        because(ErrorCode::ExecutionNotEnded, message)
    };
    outcome.map(|(outcome, _)| outcome).ok_or_else(running)
}

pub(super) fn read(id: Option<proto::ExecutionId>) -> Result<ExecutionId, Status> {
    wire::execution_id("request", id).map_err(|error| unreadable(&error))
}
