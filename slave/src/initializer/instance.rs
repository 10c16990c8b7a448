//! The state of one function on one slave: made once, whoever comes first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selsyn_common::Failure;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{AnyState, Erased};
use crate::registry::Registered;

/// An initializer, and what it has made on this slave.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(super) initializer: Arc<Erased>,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    /// Kept when it is forgotten, for the calls that have begun with it.
    state: Option<AnyState>,
    /// Calls may begin with it; dropped when it is forgotten.
    good: Option<DropGuard>,
    making: Option<Making>,
}

/// A state that is being made; dropped, it is given up.
pub(super) struct Making {
    pub(super) made: Made,
    pub(super) _goes_on: DropGuard,
}

/// What came of it, once it is known.
pub(super) type Made = watch::Receiver<Option<Result<(), Failure>>>;

/// A state that was made came too late: everything was given up before.
pub(super) struct GivenUp;

/// What a call finds that needs the state.
pub(super) enum Found {
    Ready,
    Making(Made),
    /// The call has ended, and needs none.
    NotNeeded,
}

impl Instance {
    pub(crate) fn new(initializer: Arc<Erased>) -> Self {
        Self { initializer, slot: Mutex::default() }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next call may begin.
    pub(crate) fn is_ready(&self) -> bool {
        self.slot().good.is_some()
    }

    /// What it has made last.
    pub(crate) fn state(&self) -> Option<AnyState> {
        self.slot().state.clone()
    }

    /// Looks for the state; has it made if nobody does. Whether the call still needs it is asked
    /// in the same step: one that was stopped begins nothing after all was given up.
    pub(super) fn find(
        &self,
        is_needed: impl FnOnce() -> bool,
        make: impl FnOnce() -> Making,
    ) -> Found {
        let mut slot = self.slot();
        if slot.good.is_some() {
            return Found::Ready;
        }
        if !is_needed() {
            return Found::NotNeeded;
        }
        Found::Making(slot.making.get_or_insert_with(make).made.clone())
    }

    /// The making has come to its end: a state that it has made is there from now on. Gives what is
    /// told when that is forgotten.
    pub(super) fn made(
        &self,
        of: &Registered,
        state: Option<&AnyState>,
        goes_on: &CancellationToken,
    ) -> Result<Option<CancellationToken>, GivenUp> {
        let mut slot = self.slot();
        if goes_on.is_cancelled() {
            return Err(GivenUp);
        }
        slot.making = None;
        let Some(state) = state else { return Ok(None) };
        let forgotten = CancellationToken::new();
        slot.state = Some(Arc::clone(state));
        slot.good = Some(forgotten.clone().drop_guard());
        of.is_initialized();
        Ok(Some(forgotten))
    }

    /// Takes the state away from the calls to come, if it is this one.
    pub(super) fn forget(&self, of: &Registered, meant: &AnyState) -> Option<AnyState> {
        let mut slot = self.slot();
        let is_meant = slot.state.as_ref().is_some_and(|state| Arc::ptr_eq(state, meant));
        if is_meant { slot.forget(of) } else { None }
    }

    /// Takes the state away from the calls to come, and gives up one that is being made.
    pub(super) fn give_up(&self, of: &Registered) -> Option<AnyState> {
        let mut slot = self.slot();
        slot.making = None;
        slot.forget(of)
    }
}

impl Slot {
    fn forget(&mut self, of: &Registered) -> Option<AnyState> {
        // The next call makes the state anew, also where it would begin inline.
        of.is_to_be_initialized();
        self.good.take()?;
        self.state.clone()
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("is_good", &self.good.is_some()).finish_non_exhaustive()
    }
}
