//! Cells that nobody has any more, kept by the thread that let them go for the next tasks that it
//! makes: to make a cell and drop it costs a tenth of a small task where many are let go at once.

use std::cell::RefCell;

use triomphe::UniqueArc;

use super::{Cell, SharedCell};

/// Cells that a thread keeps: a quarter of a mebibyte.
const MOST: usize = 1_024;

thread_local! {
    static SPARE: RefCell<Spare> = const { RefCell::new(Spare { makes_tasks: false, cells: Vec::new() }) };
}

/// What a thread keeps, if it makes tasks: another one would keep cells for nobody.
struct Spare {
    makes_tasks: bool,
    cells: Vec<UniqueArc<Cell>>,
}

impl Spare {
    fn take(&mut self) -> Option<UniqueArc<Cell>> {
        self.makes_tasks = true;
        self.cells.pop()
    }

    const fn has_room(&self) -> bool {
        self.makes_tasks && self.cells.len() < MOST
    }
}

/// A blank cell.
#[inline]
pub(super) fn take() -> UniqueArc<Cell> {
    // A thread that ends keeps none.
    let kept = SPARE.try_with(|spare| spare.borrow_mut().take());
    kept.ok().flatten().unwrap_or_else(|| UniqueArc::new(Cell::blank()))
}

/// Keeps a cell that this is the only hold on.
#[inline]
pub(crate) fn keep(cell: SharedCell) {
    let Ok(mut cell) = SharedCell::try_unique(cell) else { return };
    // Before the others are looked at: what it has is the user's, whose code may make a task.
    cell.clear();
    let _ = SPARE.try_with(|spare| {
        let mut spare = spare.borrow_mut();
        if spare.has_room() {
            spare.cells.push(cell);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::tests::{cell, connection};
    use super::*;

    #[tokio::test]
    async fn a_cell_that_is_used_again_has_nothing_of_the_task_before() {
        let connection = connection().await;
        let first = cell(&connection);
        let place = SharedCell::as_ptr(&first);
        first.state().handed_out = true;
        first.changed(selsyn_common::Payload::null());
        keep(SharedCell::clone(&first));
        assert!(first.state().handed_out, "somebody else has it");
        keep(first);
        let next = cell(&connection);
        assert_eq!(SharedCell::as_ptr(&next), place);
        let state = next.state();
        assert!(!state.handed_out && !state.end.is_some() && next.changed.get().is_none());
    }

    #[tokio::test]
    async fn a_thread_keeps_so_many_and_no_more() {
        let connection = connection().await;
        let cells: Vec<_> = (0..MOST + 10).map(|_| cell(&connection)).collect();
        cells.into_iter().for_each(keep);
        assert_eq!(SPARE.with_borrow(|spare| spare.cells.len()), MOST);
    }
}
