//! What is done in one go for the frames of one batch.

use std::sync::Arc;

use selsyn_common::Refusal;
use tokio::time::Instant;

use super::Clock;
use super::slot::{Next, pass_on};
use crate::admission::{Applicant, Lease, Place};
use crate::core::Core;
use crate::records::State;
use crate::session::{Ahead, Session};

/// A slot of an async task.
const SLOT: Place = Place::Slot { blocking: false };

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
}

impl<'a> Round<'a> {
    /// A batch of this session has come at this moment.
    pub(crate) fn new(core: &'a Arc<Core>, session: &'a Arc<Session>, came: Instant) -> Self {
        let (clock, ahead) = (Clock::new(core.epoch, came), session.ahead());
        let (has_ended_one, lease, has_slot) = (false, None, false);
        Self { core, session, clock, ahead, bytes: 0, has_ended_one, lease, has_slot }
    }

    /// Something else is done than to run a task right here.
    pub(crate) fn passes(&mut self) {
        self.clock.passes();
        self.give_back();
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
    }
}
