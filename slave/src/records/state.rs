//! What changes during an execution's life.

use std::sync::Arc;

use selsyn_common::{Lineage, Refusal, proto};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::course::Told;
use super::kept::Kept;
use super::log::Log;
use crate::admission::Place;
use crate::execution::Extras;
use crate::executor::Particulars;
use crate::lifecycle::Lifecycle;
use crate::session::Session;

/// What changes during an execution's life. All times are the slave's, in microseconds.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) life: Lifecycle,
    /// The before_task hook has let it pass.
    pub(crate) accepted: bool,
    pub(super) told: Told,
    /// User code has returned, or never ran.
    pub(crate) is_left: bool,
    /// Its master has been told what became of it: its session may be closed.
    pub(crate) is_settled: bool,
    /// No session remembers it any more: its result was taken, or nobody can come back for it.
    pub(crate) is_forgotten: bool,
    /// Its future is to be dropped.
    pub(crate) is_forced: bool,
    holds: Holds,
    is_blocking: bool,
    /// Its ticket while it waits in the queue, then when it began.
    mark: u64,
    came: u64,
    /// Its verdict, once it has one.
    pub(super) kept: Option<Box<Kept>>,
    pub(super) more: Option<Box<More>>,
}

/// The kind of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Foreground,
    Slot,
    Queued,
}

/// The mark of one that has a slot and has not begun.
const NOT_BEGUN: u64 = u64::MAX;

/// What few executions have.
#[derive(Debug, Default)]
pub(super) struct More {
    /// The session that hears of it, when that is another one than it came by: its master came
    /// back too late for the former.
    pub(super) heir: Option<Arc<Session>>,
    particulars: Option<Box<Particulars>>,
    deadline: Option<Instant>,
    /// Outputs shown so far.
    pub(super) shown: u64,
    /// Rung at each change, once somebody has waited for one.
    bell: Option<Arc<Notify>>,
    /// What user code asks for beyond its run; made at the first question.
    extras: Option<Arc<Extras>>,
    aside: Option<Box<Aside>>,
}

/// What one has that shows something, is watched, or was refused.
#[derive(Debug, Default)]
struct Aside {
    log: Log,
    /// Why its hook refused it, if it did.
    refusal: Option<Refusal>,
}

impl State {
    pub(super) fn new(place: Place, came: u64) -> Self {
        let mut state = Self {
            life: Lifecycle::new(),
            accepted: false,
            told: Told::Nothing,
            is_left: false,
            is_settled: false,
            is_forgotten: false,
            is_forced: false,
            holds: Holds::Slot,
            is_blocking: false,
            mark: NOT_BEGUN,
            came,
            kept: None,
            more: None,
        };
        state.hold(place);
        state
    }

    /// Begins anew, after it was cleared.
    pub(super) fn renew(&mut self, place: Place, came: u64) {
        self.hold(place);
        self.came = came;
    }

    /// As it was made, but for the memory that it has.
    #[inline(always)]
    pub(super) fn clear(&mut self) {
        let (mut more, mut kept) = (self.more.take(), self.kept.take());
        if let Some(kept) = &mut kept {
            **kept = Kept::Nothing;
        }
        if let Some(more) = &mut more {
            // Nobody is left to hear the bell: it can be used again.
            (more.heir, more.particulars, more.deadline, more.shown) = (None, None, None, 0);
            more.extras = None;
            if more.aside.is_some() {
                more.aside = None;
            }
        }
        *self = Self { more, kept, ..Self::new(Place::Foreground, 0) };
    }

    pub(super) fn more(&mut self) -> &mut More {
        self.more.get_or_insert_default()
    }

    /// User code is about to run; false when the execution has ended before.
    pub(crate) fn begin(&mut self, now: u64) -> bool {
        let begins = self.life.begin();
        if begins {
            self.mark = now;
        }
        begins
    }

    /// It was let pass, and user code is about to run, right where it came.
    pub(crate) fn begin_here(&mut self, now: u64) {
        self.accepted = true;
        self.begin(now);
    }

    /// It is ended at this moment at the latest; `None` sets none. The earliest that is set counts.
    pub(crate) fn limit(&mut self, deadline: Option<Instant>) {
        if deadline.is_some() {
            let more = self.more();
            more.deadline = more.deadline.into_iter().chain(deadline).min();
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.more.as_ref()?.deadline
    }

    #[inline(always)]
    pub(super) fn set_particulars(&mut self, particulars: Option<Box<Particulars>>) {
        if particulars.is_some() {
            self.more().particulars = particulars;
        }
    }

    pub(super) fn particulars(&self) -> Option<&Particulars> {
        self.more.as_ref()?.particulars.as_deref()
    }

    pub(crate) fn lineage(&self) -> Option<Lineage> {
        self.particulars()?.lineage
    }

    pub(crate) fn labels(&self) -> &[String] {
        self.particulars().map_or(&[], |particulars| &particulars.labels)
    }

    /// What user code asks for beyond its run.
    pub(super) fn extras(&mut self) -> Arc<Extras> {
        let is_over = self.life.is_ended();
        let extras = self.more().extras.get_or_insert_with(|| {
            let extras = Extras::default();
            if is_over {
                extras.close();
            }
            Arc::new(extras)
        });
        Arc::clone(extras)
    }

    /// What user code has asked for, if it has.
    pub(crate) fn asked_for(&self) -> Option<&Arc<Extras>> {
        self.more.as_ref()?.extras.as_ref()
    }

    /// What wakes those who wait for a change.
    pub(super) fn bell(&mut self) -> Arc<Notify> {
        Arc::clone(self.more().bell.get_or_insert_default())
    }

    /// Takes a place instead of the one that it held.
    pub(super) fn hold(&mut self, place: Place) {
        (self.holds, self.is_blocking, self.mark) = match place {
            Place::Foreground => (Holds::Foreground, false, NOT_BEGUN),
            Place::Slot { blocking } => (Holds::Slot, blocking, NOT_BEGUN),
            Place::Queued { blocking, ticket } => (Holds::Queued, blocking, ticket),
        };
    }

    /// The place it holds.
    pub(crate) const fn place(&self) -> Place {
        let blocking = self.is_blocking;
        match self.holds {
            Holds::Foreground => Place::Foreground,
            Holds::Slot => Place::Slot { blocking },
            Holds::Queued => Place::Queued { blocking, ticket: self.mark },
        }
    }

    /// Whether it waits in the queue.
    pub(crate) fn is_queued(&self) -> bool {
        self.holds == Holds::Queued
    }

    /// When user code began, if it has.
    pub(crate) fn began(&self) -> Option<u64> {
        (!self.is_queued() && self.mark != NOT_BEGUN).then_some(self.mark)
    }

    /// When it came.
    pub(crate) const fn came(&self) -> u64 {
        self.came
    }

    fn aside(&mut self) -> &mut Aside {
        self.more().aside.get_or_insert_default()
    }

    fn aside_ref(&self) -> Option<&Aside> {
        self.more.as_ref()?.aside.as_deref()
    }

    pub(super) fn log(&mut self) -> &mut Log {
        &mut self.aside().log
    }

    pub(super) fn log_ref(&self) -> Option<&Log> {
        self.aside_ref().map(|aside| &aside.log)
    }

    /// Tells those who watch it that there is something new.
    pub(super) fn ring_log(&mut self) {
        if let Some(aside) = self.more.as_mut().and_then(|more| more.aside.as_deref_mut()) {
            aside.log.ring();
        }
    }

    /// Why its hook refused it, if it did.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.aside_ref()?.refusal.clone()
    }

    pub(crate) fn set_refusal(&mut self, refusal: Refusal) {
        self.aside().refusal = Some(refusal);
    }

    /// How long it waited, and how long it ran.
    pub(super) fn figures(&self, now: u64) -> proto::Summary {
        let began = self.began().unwrap_or(now);
        let [queued_micros, ran_micros] =
            [began.saturating_sub(self.came), now.saturating_sub(began)];
        proto::Summary { queued_micros, ran_micros }
    }
}

#[cfg(test)]
mod tests {
    use crate::records::Record;

    #[test]
    fn a_million_that_wait_fit_into_what_the_goal_leaves_them() {
        // With its count and the allocator's word: 160.
        assert!(size_of::<Record>() <= 144, "{}", size_of::<Record>());
    }
}
