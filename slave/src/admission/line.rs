//! Who waits, where, and what of it may be changed.

use selsyn_common::{ExecutionId, MasterId};

use super::pool::by_turns;
use super::{Admission, Place};

/// One that waits for a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InLine {
    pub(crate) id: ExecutionId,
    pub(crate) blocking: bool,
    /// Where it stands among those of its owner.
    pub(crate) position: usize,
}

impl Admission {
    /// So many of those that wait: of each kind of slots those whose turns come first. The kinds take
    /// turns too, so that neither hides the other.
    pub(crate) fn in_line(&self, limit: usize) -> Vec<InLine> {
        let of = |blocking| move |(_, position, id)| InLine { id, blocking, position };
        let [plain, blocking] = &self.pools;
        let kinds = [(plain, false), (blocking, true)];
        by_turns(kinds.map(|(pool, blocking)| pool.in_turn().map(of(blocking))))
            .take(limit)
            .collect()
    }

    /// Gives one that waits another position among those of its owner that wait for the same kind
    /// of slot; says which it has then. `None` when it does not wait any more.
    pub(crate) fn move_to(
        &mut self,
        place: Place,
        owner: MasterId,
        position: usize,
    ) -> Option<usize> {
        let Place::Queued { blocking, ticket } = place else { return None };
        let pool = &mut self.pools[usize::from(blocking)];
        let (position, last) = pool.move_to(owner, ticket, position)?;
        // Who comes next stands behind all.
        self.tickets = self.tickets.max(last);
        Some(position)
    }
}
