//! Waits for something of a task.

use std::pin::Pin;
use std::task::{Context, Poll};

use selsyn_common::ExecutionId;

use super::waiters::Ticket;
use super::{Cell, Locked, State};

/// One who waits for a task to change; one lock when what is waited for is there already.
pub(crate) struct Waiting<'a> {
    cell: &'a Cell,
    ticket: Option<Ticket>,
}

impl<'a> Waiting<'a> {
    pub(super) const fn new(cell: &'a Cell) -> Self {
        Self { cell, ticket: None }
    }

    /// The run that is waited for.
    pub(crate) const fn id(&self) -> ExecutionId {
        self.cell.id
    }

    /// Gives the lock under which what is waited for was found; `None` to wait on.
    #[inline]
    pub(crate) fn look(
        &mut self,
        context: &Context<'_>,
        is_there: impl FnOnce(&mut State) -> bool,
    ) -> Option<Locked<'a>> {
        let mut state = self.cell.state();
        let is_there = is_there(&mut state);
        match (is_there, self.ticket) {
            (true, Some(held)) => {
                state.waiters.leave(held);
                self.ticket = None;
            }
            (true, None) => {}
            (false, Some(held)) => {
                self.ticket = Some(state.waiters.stay(held, context.waker()));
            }
            (false, None) => self.ticket = Some(state.waiters.enter(context.waker())),
        }
        is_there.then_some(state)
    }
}

impl Drop for Waiting<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.cell.state().waiters.leave(ticket);
        }
    }
}

/// Waits until `look` finds something.
pub(crate) struct Until<'a, F> {
    waiting: Waiting<'a>,
    look: F,
}

impl<'a, F> Until<'a, F> {
    pub(super) const fn new(waiting: Waiting<'a>, look: F) -> Self {
        Self { waiting, look }
    }
}

impl<T, F: FnMut(&mut State) -> Option<T> + Unpin> Future for Until<'_, F> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let Self { waiting, look } = &mut *self;
        let mut found = None;
        waiting.look(context, |state| {
            found = look(state);
            found.is_some()
        });
        found.map_or(Poll::Pending, Poll::Ready)
    }
}
