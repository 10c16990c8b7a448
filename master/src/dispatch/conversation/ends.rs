//! Ends tasks whose verdicts have come: where these came together, with one lock and one word to
//! the slave for all of them.

use std::sync::Arc;

use bytes::Bytes;
use selsyn_common::link::quick::{Series, ShortVerdict};
use selsyn_common::proto::{self, FromSlave, outcome};
use selsyn_common::wire::{self, WireError};
use selsyn_common::{ExecutionId, Outcome, Payload, Ran, TaskStatus};
use tracing::warn;

use crate::cell::{Aftermath, Cell, Completed, End, SharedCell};
use crate::connection::link::Link;
use crate::dispatch::late;

/// Ends tasks; keeps the room that it needs for it.
#[derive(Default)]
pub(super) struct Ends {
    cells: Vec<Option<SharedCell>>,
    broken: Vec<WireError>,
}

impl Ends {
    /// What made no sense.
    pub(super) fn take_broken(&mut self) -> Vec<WireError> {
        std::mem::take(&mut self.broken)
    }

    /// Ends the tasks of common verdicts, which are read where they lie.
    pub(super) fn deal_with_all(
        &mut self,
        link: &Arc<Link>,
        verdicts: Series<FromSlave>,
        after: &mut Aftermath,
    ) {
        after.expect(verdicts.len());
        link.take_all(verdicts.executions().map(ExecutionId::from), &mut self.cells);
        for (verdict, cell) in verdicts.zip(self.cells.drain(..)) {
            let (id, completed) = (verdict.execution.into(), completed(verdict));
            let dealt = match (cell, completed) {
                // Most are.
                (Some(cell), Ok(completed)) => {
                    Cell::completed(&cell, completed, after);
                    continue;
                }
                (cell, completed) => tell(link, id, cell, completed.map(End::Completed), after),
            };
            self.broken.extend(dealt.err());
        }
    }
}

/// Ends the task of a verdict.
pub(super) fn deal_with(
    link: &Arc<Link>,
    finished: proto::Finished,
    after: &mut Aftermath,
) -> Result<(), WireError> {
    let id = wire::execution_id("Finished", finished.execution)?;
    let cell = link.take(id);
    tell(link, id, cell, read(finished), after)
}

/// Ends a task; it is LOST if its verdict cannot be read.
fn tell(
    link: &Arc<Link>,
    id: ExecutionId,
    cell: Option<SharedCell>,
    end: Result<End, WireError>,
    after: &mut Aftermath,
) -> Result<(), WireError> {
    match (cell, end) {
        (Some(cell), Ok(End::Completed(completed))) => Cell::completed(&cell, completed, after),
        (Some(cell), Ok(end)) => Cell::ended(&cell, end, after),
        (Some(cell), Err(error)) => {
            let message = format!("{} sent a verdict that cannot be read: {error}", link.name);
            Cell::ended(&cell, Outcome::lost(message, Ran::Yes).into(), after);
            return Err(error);
        }
        (None, end) => return not_in_flight(link, id, end, after),
    }
    Ok(())
}

#[inline(always)]
fn completed(verdict: ShortVerdict<Bytes>) -> Result<Completed, WireError> {
    let ShortVerdict { kind, value: data, summary, .. } = verdict;
    let value = Payload::try_from(proto::Payload { kind, data, size: 0 })?;
    Ok(Completed { value, summary })
}

/// Takes the end out of a verdict.
fn read(finished: proto::Finished) -> Result<End, WireError> {
    let wire = finished.outcome.ok_or(WireError::missing("Finished", "outcome"))?;
    let status = TaskStatus::from(wire.status());
    match wire {
        proto::Outcome {
            result: Some(outcome::Result::Value(value)),
            summary,
            measured: None,
            ..
        } if status == TaskStatus::Completed => {
            let (value, summary) = (Payload::try_from(value)?, summary.unwrap_or_default());
            Ok(End::Completed(Completed { value, summary }))
        }
        wire => Outcome::try_from(wire).map(End::from),
    }
}

/// A verdict for a task that has ended here: told if it was LOST. Taken all the same: nobody
/// here will ever ask for it.
#[cold]
fn not_in_flight(
    link: &Arc<Link>,
    id: ExecutionId,
    end: Result<End, WireError>,
    after: &mut Aftermath,
) -> Result<(), WireError> {
    after.take(id, 0);
    link.give_up_sending(id);
    if !link.is_late(id) {
        warn!(task.id = %id, "a verdict for a task that is not in flight; ignored");
    } else if let Some(outcome) = end?.outcome(id) {
        late::tell(link, id, outcome);
    }
    Ok(())
}
