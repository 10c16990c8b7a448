//! Ends tasks whose verdicts came together: one lock and one word to the slave for all of them.

use std::sync::Arc;

use selsyn_common::proto;
use selsyn_common::wire::{self, WireError};
use selsyn_common::{ExecutionId, Outcome, Ran};
use tracing::warn;

use crate::cell::{Aftermath, Cell};
use crate::connection::link::Link;
use crate::dispatch::late;

/// Verdicts that came together.
#[derive(Default)]
pub(super) struct Ends {
    verdicts: Vec<(ExecutionId, Option<proto::Outcome>)>,
    cells: Vec<Option<Arc<Cell>>>,
    broken: Vec<WireError>,
}

impl Ends {
    /// Adds one.
    pub(super) fn add(&mut self, frame: proto::Finished) {
        match wire::execution_id("Finished", frame.execution) {
            Ok(id) => self.verdicts.push((id, frame.outcome)),
            Err(error) => self.broken.push(error),
        }
    }

    /// What made no sense.
    pub(super) fn take_broken(&mut self) -> Vec<WireError> {
        std::mem::take(&mut self.broken)
    }

    /// Ends the tasks.
    pub(super) fn deal_with(&mut self, link: &Arc<Link>, after: &mut Aftermath) {
        if self.verdicts.is_empty() {
            return;
        }
        after.expect(self.verdicts.len());
        link.take(self.verdicts.iter().map(|(id, _)| *id), &mut self.cells);
        for ((id, outcome), cell) in self.verdicts.drain(..).zip(self.cells.drain(..)) {
            let outcome = outcome.ok_or(WireError::missing("Finished", "outcome"));
            let outcome = outcome.and_then(Outcome::try_from);
            let ended = match cell {
                Some(cell) => end(link, &cell, outcome, after),
                None => not_in_flight(link, id, outcome, after),
            };
            self.broken.extend(ended.err());
        }
    }
}

fn end(
    link: &Link,
    cell: &Arc<Cell>,
    outcome: Result<Outcome, WireError>,
    after: &mut Aftermath,
) -> Result<(), WireError> {
    match outcome {
        Ok(outcome) => {
            cell.ended(Box::new(outcome), after);
            Ok(())
        }
        Err(error) => {
            let message = format!("{} sent a verdict that cannot be read: {error}", link.name);
            cell.ended(Box::new(Outcome::lost(message, Ran::Yes)), after);
            Err(error)
        }
    }
}

/// A verdict for a task that has ended here: told if it was LOST. Taken all the same: nobody
/// here will ever ask for it.
fn not_in_flight(
    link: &Arc<Link>,
    id: ExecutionId,
    outcome: Result<Outcome, WireError>,
    after: &mut Aftermath,
) -> Result<(), WireError> {
    after.take(id);
    link.give_up_sending(id);
    if link.is_late(id) {
        late::tell(link, id, outcome?);
    } else {
        warn!(task.id = %id, "a verdict for a task that is not in flight; ignored");
    }
    Ok(())
}
