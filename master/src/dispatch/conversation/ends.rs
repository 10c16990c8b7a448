//! Ends tasks whose verdicts came together: one lock and one word to the slave for all of them.

use std::sync::Arc;

use selsyn_common::proto::{self, FromSlave, from_slave, outcome};
use selsyn_common::wire::{self, WireError};
use selsyn_common::{ExecutionId, Outcome, Payload, Ran, TaskStatus};
use tracing::warn;

use crate::cell::{Aftermath, Cell, Completed, End};
use crate::connection::link::Link;
use crate::dispatch::late;

/// Ends tasks; keeps the room that it needs for it.
#[derive(Default)]
pub(super) struct Ends {
    cells: Vec<Option<Arc<Cell>>>,
    broken: Vec<WireError>,
}

/// How many frames at the front are verdicts.
pub(super) fn leading(frames: &[FromSlave]) -> usize {
    let is_other = |frame: &FromSlave| !matches!(frame.frame, Some(from_slave::Frame::Finished(_)));
    frames.iter().position(is_other).unwrap_or(frames.len())
}

fn verdict(frame: &mut FromSlave) -> Option<&mut proto::Finished> {
    match &mut frame.frame {
        Some(from_slave::Frame::Finished(finished)) => Some(finished),
        _ => None,
    }
}

impl Ends {
    /// What made no sense.
    pub(super) fn take_broken(&mut self) -> Vec<WireError> {
        std::mem::take(&mut self.broken)
    }

    /// Ends the tasks of these verdicts, which are read where they lie.
    pub(super) fn deal_with(
        &mut self,
        link: &Arc<Link>,
        verdicts: &mut [FromSlave],
        after: &mut Aftermath,
    ) {
        if verdicts.is_empty() {
            return;
        }
        after.expect(verdicts.len());
        let id = |frame: &mut FromSlave| verdict(frame)?.execution.map(ExecutionId::from);
        link.take(verdicts.iter_mut().map(id), &mut self.cells);
        for (frame, cell) in verdicts.iter_mut().zip(self.cells.drain(..)) {
            let Some(finished) = verdict(frame) else { continue };
            let Some(cell) = cell else {
                self.broken.extend(not_in_flight(link, finished, after).err());
                continue;
            };
            match read(finished) {
                Ok(End::Completed(completed)) => cell.completed(completed, after),
                Ok(end) => cell.ended(end, after),
                Err(error) => {
                    let message =
                        format!("{} sent a verdict that cannot be read: {error}", link.name);
                    cell.ended(Outcome::lost(message, Ran::Yes).into(), after);
                    self.broken.push(error);
                }
            }
        }
    }
}

/// Takes the end out of a verdict.
#[inline]
fn read(finished: &mut proto::Finished) -> Result<End, WireError> {
    let missing = WireError::missing("Finished", "outcome");
    let wire = finished.outcome.as_mut().ok_or(missing)?;
    let status = TaskStatus::from(wire.status());
    if let (TaskStatus::Completed, Some(outcome::Result::Value(value)), None) =
        (status, &mut wire.result, &wire.measured)
    {
        let value = Payload::try_from(std::mem::take(value))?;
        let summary = wire.summary.unwrap_or_default();
        return Ok(End::Completed(Completed { value, summary }));
    }
    read_other(wire)
}

#[cold]
fn read_other(wire: &mut proto::Outcome) -> Result<End, WireError> {
    Outcome::try_from(std::mem::take(wire)).map(End::from)
}

/// A verdict for a task that has ended here: told if it was LOST. Taken all the same: nobody
/// here will ever ask for it.
#[cold]
fn not_in_flight(
    link: &Arc<Link>,
    finished: &mut proto::Finished,
    after: &mut Aftermath,
) -> Result<(), WireError> {
    let id = wire::execution_id("Finished", finished.execution)?;
    after.take(id, 0);
    link.give_up_sending(id);
    if !link.is_late(id) {
        warn!(task.id = %id, "a verdict for a task that is not in flight; ignored");
    } else if let Some(outcome) = read(finished)?.outcome(id) {
        late::tell(link, id, outcome);
    }
    Ok(())
}
