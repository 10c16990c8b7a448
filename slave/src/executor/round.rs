//! What is done in one go for the frames of one batch.

use std::sync::Arc;

use selsyn_common::Refusal;
use selsyn_common::link::quick::Short as _;
use selsyn_common::link::verdicts::Verdicts;
use tokio::time::Instant;

use super::Clock;
use super::slot::{Next, pass_on};
use crate::admission::{Applicant, Lease, Place};
use crate::core::Core;
use crate::records::{Record, State};
use crate::session::{Ahead, Leaves, Session};

/// A slot of an async task.
const SLOT: Place = Place::Slot { blocking: false };

/// Microseconds of runs after which a batch pauses: its answers wait for them, and so do others.
const LONG: u64 = 1_000;

/// The frames of one batch are being dealt with: what each of them needs is done once for all.
#[derive(Debug)]
pub(crate) struct Round<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) session: &'a Arc<Session>,
    pub(super) clock: Clock,
    pub(super) ahead: Ahead<'a>,
    /// Bytes that its frames were read from, as far as is known.
    pub(crate) bytes: usize,
    /// A run has ended right here: there may be more, and a lease be of use.
    has_ended_one: bool,
    lease: Option<Lease>,
    /// The run before has left its slot to the next one, under the lease.
    has_slot: bool,
    /// Verdicts of runs that ended right here, and are not said yet.
    verdicts: Verdicts,
    /// When the batch came, or went on after a pause.
    went_on: u64,
}

impl<'a> Round<'a> {
    /// A batch of this session has come at this moment.
    pub(crate) fn new(core: &'a Arc<Core>, session: &'a Arc<Session>, came: Instant) -> Self {
        let (clock, ahead) = (Clock::new(core.epoch, came), session.ahead());
        let (went_on, verdicts) = (clock.came(), Verdicts::default());
        let (bytes, has_ended_one, lease, has_slot) = (0, false, None, false);
        Self {
            core,
            session,
            clock,
            ahead,
            bytes,
            has_ended_one,
            lease,
            has_slot,
            verdicts,
            went_on,
        }
    }

    /// Something else is done than to run a task right here.
    pub(crate) fn passes(&mut self) {
        self.clock.passes();
        self.give_back();
    }

    /// Whether runs of this batch have taken long since it came, or went on.
    #[inline(always)]
    pub(crate) fn is_long(&self) -> bool {
        self.clock.is_later_than(self.went_on + LONG)
    }

    /// Others have their turn: says what was held back, and leaves nothing that they would miss.
    pub(crate) fn pause(&mut self) {
        self.passes();
        self.say_verdicts();
    }

    /// Goes on after a pause.
    pub(crate) fn go_on(&mut self) {
        self.went_on = self.clock.now();
    }

    /// A task comes, which follows the run before, or is of another kind: then it shall not find
    /// the slot taken that was left to a follower. Nothing may be locked.
    pub(super) fn comes(&mut self, follows: bool) {
        if self.lease.as_ref().is_some_and(|lease| !(follows && lease.goes_on())) {
            self.give_back();
        }
    }

    /// A place for a task. Its part of the table is locked: whoever shuts the doors calls leases
    /// back, and looks for it there after that.
    #[inline(always)]
    pub(super) fn place(&mut self, applicant: Applicant, follows: bool) -> Result<Place, Refusal> {
        if self.has_slot && follows && self.goes_on() {
            self.has_slot = false;
            return Ok(SLOT);
        }
        self.core.admission().apply(applicant)
    }

    fn goes_on(&self) -> bool {
        self.lease.as_ref().is_some_and(Lease::goes_on)
    }

    /// A run that began right here has returned a value of so many bytes: leaves its slot to the
    /// next one, or gives it back.
    #[inline(always)]
    pub(super) fn leave(&mut self, state: &mut State, bytes: usize) -> Next {
        state.is_left = true;
        let place = state.place();
        if let Some(lease) = &mut self.lease
            && !self.has_slot
            && place == SLOT
            && lease.goes_on()
        {
            lease.keep(bytes);
            self.has_slot = true;
            return None;
        }
        self.leave_unleased(place, bytes)
    }

    fn leave_unleased(&mut self, place: Place, bytes: usize) -> Next {
        let mut admission = self.core.admission();
        admission.keep(bytes);
        if !self.has_slot {
            match self.lease.take() {
                Some(over) => admission.end_lease(over),
                None if self.has_ended_one && place == SLOT => self.lease = admission.lease(),
                None => self.has_ended_one = true,
            }
            self.has_slot = self.lease.is_some();
            if self.has_slot {
                return None;
            }
        }
        admission.release(place, self.session.peer.master)
    }

    /// Tells the master a verdict that is kept of a run that ended right here, together with others.
    #[inline(always)]
    pub(super) fn tell(&mut self, record: &Record, state: &State) {
        match state.short_verdict(record.id) {
            Some(verdict) if verdict.fits() && state.heir().is_none() => {
                if self.verdicts.is_empty() {
                    self.session.holds_back();
                }
                self.verdicts.add(&verdict);
            }
            _ => state.tell_verdict(record, Leaves::WithBatch),
        }
        if self.verdicts.is_full() {
            self.say_verdicts();
        }
    }

    #[inline(never)]
    pub(super) fn say_verdicts(&mut self) {
        if !self.verdicts.is_empty() {
            self.session.say_verdicts(&mut self.verdicts);
        }
    }

    /// Gives back the slot that was left to the next run, if one was, and counts what has ended.
    fn give_back(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        let mut admission = self.core.admission();
        admission.end_lease(lease);
        let next = if self.has_slot { admission.pass_on(SLOT) } else { None };
        drop(admission);
        self.has_slot = false;
        pass_on(self.core, next);
    }
}

impl Drop for Round<'_> {
    fn drop(&mut self) {
        self.give_back();
        self.say_verdicts();
    }
}
