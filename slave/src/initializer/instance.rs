//! The state of one function on one slave: made once, whoever comes first.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt;
use selsyn_common::{Failure, FailureKind, Ran, TaskId};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::{AnyState, Erased, Initialization};
use crate::panics::panicked;
use crate::registry::Registered;

/// An initializer, and what it has made on this slave.
#[derive(Debug)]
pub(crate) struct Instance {
    pub(super) initializer: Arc<Erased>,
    /// Held by the one who initializes.
    turn: tokio::sync::Mutex<()>,
    slot: Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    /// Kept when it is forgotten, for the calls that have begun with it.
    state: Option<AnyState>,
    is_good: bool,
    /// How often it failed at all of its attempts, and why at last.
    failed: (u64, Option<Failure>),
}

impl Instance {
    pub(crate) fn new(initializer: Arc<Erased>) -> Self {
        Self { initializer, turn: tokio::sync::Mutex::default(), slot: Mutex::default() }
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next call may begin.
    pub(crate) fn is_ready(&self) -> bool {
        self.slot().is_good
    }

    /// What it has made last.
    pub(crate) fn state(&self) -> Option<AnyState> {
        self.slot().state.clone()
    }

    /// Takes the state away from the calls to come, if it is this one, or any.
    pub(super) fn forget(&self, meant: Option<&AnyState>) -> Option<AnyState> {
        let mut slot = self.slot();
        let is_meant = |state: &AnyState| meant.is_none_or(|meant| Arc::ptr_eq(state, meant));
        if !slot.is_good || !slot.state.as_ref().is_some_and(is_meant) {
            return None;
        }
        slot.is_good = false;
        slot.state.clone()
    }

    /// Waits until the state is there, and makes it if nobody else does. Gives the state if it was
    /// made right now.
    ///
    /// # Errors
    ///
    /// The failure of the last attempt; those who waited for the same attempts get the same.
    pub(crate) async fn ready(
        &self,
        of: &Arc<Registered>,
        request: TaskId,
        runtime: &Handle,
    ) -> Result<Option<AnyState>, Failure> {
        let seen = self.slot().failed.0;
        let _turn = self.turn.lock().await;
        {
            let slot = self.slot();
            match &slot.failed {
                _ if slot.is_good => return Ok(None),
                (failed, Some(failure)) if *failed > seen => return Err(failure.clone()),
                _ => {}
            }
        }
        let made = self.make(of, request, runtime).await;
        let mut slot = self.slot();
        match made {
            Ok(state) => {
                (slot.state, slot.is_good) = (Some(Arc::clone(&state)), true);
                Ok(Some(state))
            }
            Err(failure) => {
                slot.failed = (slot.failed.0 + 1, Some(failure.clone()));
                Err(failure)
            }
        }
    }

    async fn make(
        &self,
        of: &Arc<Registered>,
        request: TaskId,
        runtime: &Handle,
    ) -> Result<AnyState, Failure> {
        let attempts = self.initializer.attempts.max(1);
        let mut attempt = 1;
        loop {
            let told = Initialization { function: Arc::clone(of), request, attempt };
            match self.attempt(told, runtime).await {
                Ok(state) => {
                    info!(function = %of.name, attempt, "initialized");
                    return Ok(state);
                }
                Err(failure) => {
                    warn!(function = %of.name, attempt, attempts, "not initialized: {failure}");
                    if attempt >= attempts {
                        return Err(failure);
                    }
                }
            }
            attempt += 1;
        }
    }

    async fn attempt(&self, told: Initialization, runtime: &Handle) -> Result<AnyState, Failure> {
        let name = told.function().to_owned();
        let initializer = Arc::clone(&self.initializer);
        let limit = initializer.timeout;
        let load = async move { (initializer.load)(told).await };
        let loading = runtime.spawn(AssertUnwindSafe(load).catch_unwind());
        match timeout(limit, AbortOnDropHandle::new(loading)).await {
            Ok(Ok(Ok(Ok(state)))) => Ok(state),
            Ok(Ok(Ok(Err(failure)))) => Err(not_initialized(&name, failure)),
            Ok(Ok(Err(panic))) => Err(not_initialized(&name, panicked(panic.as_ref()))),
            Ok(Err(_)) => {
                let ended = Failure::new("the function runtime has ended");
                Err(not_initialized(&name, ended))
            }
            Err(_) => {
                let message = format!("the initializer of {name} took longer than {limit:?}");
                Err(Failure::of(FailureKind::InitTimedOut, message, Ran::No))
            }
        }
    }
}

/// A failure of the initializer is one of each call that waited for it.
fn not_initialized(name: &str, failure: Failure) -> Failure {
    let message = format!("the initializer of {name} failed: {}", failure.message);
    Failure { kind: FailureKind::InitFailed, message, ran: Ran::No, ..failure }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Slot").field("is_good", &self.is_good).finish_non_exhaustive()
    }
}
