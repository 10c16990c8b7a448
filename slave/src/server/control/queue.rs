//! Tells what waits for a slot, and changes its order.

use std::sync::Arc;

use selsyn_common::proto::{
    DropQueuedRequest, ExecutionInfo, ListQueueReply, ListQueueRequest, MoveQueuedRequest,
    QueuedExecution,
};
use selsyn_common::{ErrorCode, TaskStatus};
use tonic::Status;

use super::answer::{because, ended};
use super::describe;
use super::execution::find;
use super::page::Room;
use crate::admission::{InLine, Place};
use crate::core::Core;
use crate::executor;
use crate::records::Record;

/// Executions of a list where none says how many.
const SOME: usize = 1_000;
/// Most executions of a list: some 2 MB of a reply. It has fewer of those of which there is more to
/// say.
const MOST: usize = 10_000;

pub(super) fn list(core: &Core, request: &ListQueueRequest) -> ListQueueReply {
    let limit = match request.limit as usize {
        0 => SOME,
        limit => limit.min(MOST),
    };
    let (in_line, total) = {
        let admission = core.admission();
        (admission.in_line(limit), admission.queued())
    };
    let waiting = in_line.into_iter().filter_map(|InLine { id, blocking, position }| {
        // Who has left since is not said to wait.
        let record = core.records.get(id).filter(|record| record.state().is_queued())?;
        Some(queued(core, &record, blocking, position))
    });
    let mut room = Room::default();
    let fitting = waiting.take_while(|waiting| {
        let fits = !room.is_full();
        room.take(waiting);
        fits
    });
    ListQueueReply { waiting: fitting.collect(), total: total as u64 }
}

pub(super) fn move_to(core: &Core, request: &MoveQueuedRequest) -> Result<QueuedExecution, Status> {
    let record = find(core, request.execution)?;
    let blocking = matches!(record.state().place(), Place::Queued { blocking: true, .. });
    let moved = executor::move_queued(core, &record, request.position as usize);
    let position = moved.ok_or_else(|| not_queued(&record))?;
    Ok(queued(core, &record, blocking, position))
}

pub(super) fn drop(core: &Arc<Core>, request: &DropQueuedRequest) -> Result<ExecutionInfo, Status> {
    let record = find(core, request.execution)?;
    if !executor::drop_queued(core, &record) {
        return Err(not_queued(&record));
    }
    Ok(describe::execution(core, &record))
}

fn queued(core: &Core, record: &Record, blocking: bool, position: usize) -> QueuedExecution {
    let position = u32::try_from(position).unwrap_or(u32::MAX);
    QueuedExecution { execution: Some(describe::execution(core, record)), position, blocking }
}

fn not_queued(record: &Record) -> Status {
    let verdict = record.state().verdict();
    let runs = || {
        let message = format!("execution {} does not wait in the queue", record.id);
        because(ErrorCode::NotQueued, message)
    };
    verdict.map_or_else(runs, |(status, _)| ended(record.id, TaskStatus::from(status)))
}
