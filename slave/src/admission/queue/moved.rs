//! Which tasks of a queue were moved.

use std::collections::HashMap;

/// The tasks whose turn is not their ticket: none, in most queues.
#[derive(Debug, Default)]
pub(super) struct Moved(Option<Box<Turns>>);

#[derive(Debug, Default)]
struct Turns {
    of_ticket: HashMap<u64, u64>,
    tickets: HashMap<u64, u64>,
}

impl Moved {
    /// The turn of a ticket.
    pub(super) fn turn(&self, ticket: u64) -> u64 {
        let moved = self.0.as_ref().and_then(|turns| turns.of_ticket.get(&ticket));
        moved.copied().unwrap_or(ticket)
    }

    /// The ticket of a turn.
    pub(super) fn ticket(&self, turn: u64) -> u64 {
        let moved = self.0.as_ref().and_then(|turns| turns.tickets.get(&turn));
        moved.copied().unwrap_or(turn)
    }

    /// Another turn has come to this ticket; its former one is forgotten.
    pub(super) fn moves(&mut self, ticket: u64, turn: u64) {
        let turns = self.0.get_or_insert_default();
        turns.of_ticket.insert(ticket, turn);
        turns.tickets.insert(turn, ticket);
    }

    /// Nobody has this turn any more.
    pub(super) fn forget(&mut self, turn: u64) {
        let Some(turns) = &mut self.0 else { return };
        if let Some(ticket) = turns.tickets.remove(&turn) {
            turns.of_ticket.remove(&ticket);
        }
        if turns.tickets.is_empty() {
            self.0 = None;
        }
    }
}
