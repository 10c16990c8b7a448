//! Who waits for a task to change: kept under the task's own lock, woken after it is released.

use std::task::Waker;

/// Names one of those who wait.
pub(crate) type Ticket = u32;

/// Those who wait; one entry for each, however often it looks.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// Almost every task is waited for by one alone.
    one: Option<(Ticket, Waker)>,
    more: Vec<(Ticket, Waker)>,
    last: Ticket,
}

impl Waiters {
    /// The ticket of the first one.
    pub(crate) const FIRST: Ticket = 1;

    /// Adds the first one who waits, before anybody else can.
    pub(crate) fn enter_first(&mut self, waker: Waker) {
        self.last = Self::FIRST;
        self.one = Some((Self::FIRST, waker));
    }

    /// Adds one who waits; gives its ticket.
    pub(crate) fn enter(&mut self, waker: &Waker) -> Ticket {
        self.last = self.last.wrapping_add(1);
        let entered = (self.last, waker.clone());
        match &self.one {
            None => self.one = Some(entered),
            Some(_) => self.more.push(entered),
        }
        self.last
    }

    /// Goes on waiting, perhaps with another waker; gives the ticket to leave with.
    pub(crate) fn stay(&mut self, ticket: Ticket, waker: &Waker) -> Ticket {
        match self.one.iter_mut().chain(&mut self.more).find(|(held, _)| *held == ticket) {
            Some((_, held)) => {
                held.clone_from(waker);
                ticket
            }
            // It was woken since.
            None => self.enter(waker),
        }
    }

    /// One waits no more.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        if self.one.as_ref().is_some_and(|(held, _)| *held == ticket) {
            self.one = None;
        } else {
            self.more.retain(|(held, _)| *held != ticket);
        }
    }

    /// Takes everybody out, to be woken.
    pub(crate) fn take(&mut self, woken: &mut Vec<Waker>) {
        woken.extend(self.one.take().map(|(_, waker)| waker));
        if !self.more.is_empty() {
            woken.extend(std::mem::take(&mut self.more).into_iter().map(|(_, waker)| waker));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(waiters: &Waiters) -> usize {
        waiters.one.iter().count() + waiters.more.len()
    }

    #[test]
    fn whoever_looks_again_is_not_there_twice_and_whoever_leaves_leaves_nothing_behind() {
        let mut waiters = Waiters::default();
        let tickets: Vec<_> = (0..3).map(|_| waiters.enter(Waker::noop())).collect();
        for ticket in &tickets {
            assert_eq!(waiters.stay(*ticket, Waker::noop()), *ticket);
        }
        assert_eq!(waiting(&waiters), 3);
        tickets.into_iter().for_each(|ticket| waiters.leave(ticket));
        assert_eq!(waiting(&waiters), 0);
    }

    #[test]
    fn everybody_is_woken_once_and_may_wait_again() {
        let (mut waiters, mut woken) = (Waiters::default(), Vec::new());
        let ticket = waiters.enter(Waker::noop());
        waiters.enter(Waker::noop());
        waiters.take(&mut woken);
        waiters.take(&mut woken);
        assert_eq!((woken.len(), waiting(&waiters)), (2, 0));
        assert_ne!(waiters.stay(ticket, Waker::noop()), ticket);
        assert_eq!(waiting(&waiters), 1);
    }
}
