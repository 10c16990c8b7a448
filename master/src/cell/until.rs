//! Waits for something of a task.

use std::pin::Pin;
use std::task::{Context, Poll};

use super::waiters::Ticket;
use super::{Cell, State};

/// Waits until `look` finds something; one lock when it is there already.
pub(crate) struct Until<'a, F> {
    cell: &'a Cell,
    look: F,
    ticket: Option<Ticket>,
}

impl<'a, F> Until<'a, F> {
    pub(super) const fn new(cell: &'a Cell, look: F) -> Self {
        Self { cell, look, ticket: None }
    }
}

impl<T, F: FnMut(&mut State) -> Option<T> + Unpin> Future for Until<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Self { cell, look, ticket } = &mut *self;
        let mut state = cell.state();
        let found = look(&mut state);
        match (&found, *ticket) {
            (Some(_), Some(held)) => {
                state.waiters.leave(held);
                *ticket = None;
            }
            (Some(_), None) => {}
            (None, Some(held)) => *ticket = Some(state.waiters.stay(held, context.waker())),
            (None, None) => *ticket = Some(state.waiters.enter(context.waker())),
        }
        found.map_or(Poll::Pending, Poll::Ready)
    }
}

impl<F> Drop for Until<'_, F> {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.cell.state().waiters.leave(ticket);
        }
    }
}
