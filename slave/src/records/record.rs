//! What the slave keeps of one execution.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selsyn_common::link::batch::MAX_BATCH_BYTES;
use selsyn_common::{ExecutionId, Lineage, Payload};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::State;
use crate::admission::{Place, Placement};
use crate::execution::Extras;
use crate::executor::Request;
use crate::registry::Registered;
use crate::session::Session;

/// A handle of a record. Nobody needs a weak one, so that whoever has the only one sees it at a
/// glance: the standard library's would lock its other half to look.
pub(crate) type RecordRef = triomphe::Arc<Record>;

/// One execution. A million of them may wait: what few have stands in a box of its own.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: ExecutionId,
    pub(crate) placement: Placement,
    /// User code is asked to stop: it may look as often as it likes, so without a lock.
    pub(super) asked: AtomicBool,
    /// Somebody waits for a change, or did.
    pub(super) awaited: AtomicBool,
    pub(crate) function: Arc<Registered>,
    pub(crate) data: Payload,
    /// The data shares the buffer that it was read into, of so many times [`MAX_BATCH_BYTES`]; 0 where
    /// it does not. In a byte, as a million records may wait.
    pub(super) pinned: u8,
    /// The session that it came by.
    pub(crate) origin: Arc<Session>,
    pub(super) state: Mutex<State>,
}

impl Record {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // No user code runs under this lock, and no step leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The state, where nobody else has the record yet.
    pub(super) fn state_mut(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose child it is, if another execution's function started it; few are.
    pub(crate) fn lineage(&self) -> Option<Lineage> {
        self.state().lineage()
    }

    /// The session that hears of it.
    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(self.state().session(self))
    }

    /// What user code asks for beyond its run; made at the first question.
    pub(crate) fn extras(&self) -> Arc<Extras> {
        self.state().extras()
    }

    /// What user code has asked for, if it has.
    pub(crate) fn asked_for(&self) -> Option<Arc<Extras>> {
        self.state().asked_for().cloned()
    }

    /// Asks user code to stop.
    pub(crate) fn ask_to_stop(&self) {
        self.keep_stop();
        self.asked.store(true, Ordering::Release);
        self.notify();
    }

    /// Whether user code is asked to stop.
    pub(crate) fn is_asked_to_stop(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Drops an async function's future; a blocking function does not hear it.
    pub(crate) fn force(&self) {
        self.state().is_forced = true;
        self.notify();
    }

    /// Tells those who wait in [`Record::until`] to look again.
    #[inline(always)]
    pub(crate) fn notify(&self) {
        // Who looks after the change needs no word; who looked before it has said so before that.
        if self.awaited.load(Ordering::Acquire) {
            self.ring();
        }
    }

    fn ring(&self) {
        let mut state = self.state();
        state.ring_log();
        let bell = state.bell();
        drop(state);
        bell.notify_waiters();
    }

    /// What is rung at the next event.
    pub(super) fn await_event(&self, state: &mut State) -> Arc<Notify> {
        self.awaited.store(true, Ordering::Release);
        state.log().bell()
    }

    /// How many bytes of the application are kept for it, once it has ended.
    pub(crate) fn bytes(&self) -> usize {
        let state = self.state();
        let log = state.log_ref().map_or(0, super::log::Log::bytes);
        let buffer = usize::from(self.pinned) * MAX_BATCH_BYTES;
        self.data.len().max(buffer) + state.result_bytes().unwrap_or(0) + log
    }

    /// What became of it has been sent: whoever waits to close its session may go on.
    pub(crate) fn settle(&self) {
        self.state().is_settled = true;
        self.notify();
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&State) -> bool) {
        let bell = self.bell();
        loop {
            let changed = bell.notified();
            if wanted(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    /// What wakes those who wait for it.
    fn bell(&self) -> Arc<Notify> {
        let mut state = self.state();
        self.awaited.store(true, Ordering::Release);
        state.bell()
    }

    /// Takes a slot that became free; `None` when it needs none any more, else whether it may
    /// begin: one that was not accepted yet begins when it is. In one step, so that it begins once.
    pub(crate) fn take_slot(&self, slot: Place) -> Option<bool> {
        let mut state = self.state();
        if state.is_left {
            return None;
        }
        state.hold(slot);
        Some(state.accepted)
    }

    /// Time until its deadline; `None` when it has none.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let deadline = self.state().deadline()?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether another start asks for the very same; the time that is left for it always differs,
    /// and is not compared.
    pub(crate) fn is_same_request(&self, request: &Request) -> bool {
        let same_function = request.function.is(&self.function);
        same_function
            && request.placement == self.placement
            && request.data == self.data
            && request.particulars.as_deref() == self.state().particulars()
    }
}
