//! Who waits for a task to change: kept under the task's own lock, woken after it is released.

use std::task::Waker;

/// Names one of those who wait.
pub(crate) type Ticket = u32;

/// Those who wait; one entry for each, however often it looks.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// Almost every task is waited for by one alone.
    one: Option<Waker>,
    first: Ticket,
    last: Ticket,
    #[expect(clippy::box_collection, reason = "a task is small, and has none as a rule")]
    more: Option<Box<Vec<(Ticket, Waker)>>>,
}

impl Waiters {
    /// The ticket of the first one.
    pub(crate) const FIRST: Ticket = 1;

    /// Nobody waits any more.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.one.is_some() || self.more.is_some() {
            *self = Self::default();
        }
    }

    /// Adds the first one who waits, before anybody else can.
    pub(crate) fn enter_first(&mut self, waker: Waker) {
        (self.one, self.first, self.last) = (Some(waker), Self::FIRST, Self::FIRST);
    }

    /// Adds one who waits; gives its ticket.
    pub(crate) fn enter(&mut self, waker: &Waker) -> Ticket {
        self.last = self.last.wrapping_add(1);
        if self.one.is_none() {
            (self.one, self.first) = (Some(waker.clone()), self.last);
        } else {
            self.more.get_or_insert_default().push((self.last, waker.clone()));
        }
        self.last
    }

    /// Goes on waiting, perhaps with another waker; gives the ticket to leave with.
    pub(crate) fn stay(&mut self, ticket: Ticket, waker: &Waker) -> Ticket {
        if let Some(one) = self.one.as_mut().filter(|_| self.first == ticket) {
            one.clone_from(waker);
            return ticket;
        }
        let mut more = self.more.iter_mut().flat_map(|more| more.iter_mut());
        match more.find(|(held, _)| *held == ticket) {
            Some((_, held)) => {
                held.clone_from(waker);
                ticket
            }
            // It was woken since.
            None => self.enter(waker),
        }
    }

    /// One waits no more.
    #[inline]
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        if self.first == ticket {
            self.one = None;
        } else if let Some(more) = &mut self.more {
            more.retain(|(held, _)| *held != ticket);
        }
    }

    /// Takes everybody out, to be woken.
    #[inline]
    pub(crate) fn take(&mut self, woken: &mut Vec<Waker>) {
        if let Some(one) = self.one.take() {
            woken.push(one);
        }
        if self.more.is_some() {
            self.take_more(woken);
        }
    }

    #[cold]
    fn take_more(&mut self, woken: &mut Vec<Waker>) {
        let more = self.more.take().unwrap_or_default();
        woken.extend(more.into_iter().map(|(_, waker)| waker));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(waiters: &Waiters) -> usize {
        waiters.one.iter().count() + waiters.more.as_ref().map_or(0, |more| more.len())
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
