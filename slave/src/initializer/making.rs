//! Makes the state of a function, for all calls that wait for it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use selsyn_common::{Failure, FailureKind, Ran, TaskId};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::instance::{Found, Instance, Making};
use super::{AnyState, Initialization, health};
use crate::core::Core;
use crate::panics::panicked;
use crate::records::Record;
use crate::registry::Registered;

/// Waits until the state of an execution's function is there; has it made if nobody does. It is
/// made by a task of its own: whoever stops waiting for it keeps nobody else from having it.
///
/// # Errors
///
/// The failure of the last attempt; those who waited for the same attempts get the same.
pub(crate) async fn ready(core: &Arc<Core>, record: &Record) -> Result<(), Failure> {
    let of = &record.function;
    let Some(instance) = &of.instance else { return Ok(()) };
    let is_needed = || !record.state().is_left;
    let mut made = match instance.find(is_needed, || begin(core, of, record.id.task)) {
        Found::Ready => return Ok(()),
        Found::Making(made) => made,
        Found::NotNeeded => return Err(given_up(of)),
    };
    let told = made.wait_for(Option::is_some).await;
    told.ok().and_then(|told| told.clone()).unwrap_or_else(|| Err(given_up(of)))
}

fn given_up(of: &Registered) -> Failure {
    not_initialized(&of.name, Failure::new("it was given up"))
}

fn begin(core: &Arc<Core>, of: &Arc<Registered>, request: TaskId) -> Making {
    let (told, made) = watch::channel(None);
    let goes_on = CancellationToken::new();
    let guard = goes_on.clone().drop_guard();
    let (maker, of) = (Arc::clone(core), Arc::clone(of));
    core.spawn(async move {
        let Some(instance) = &of.instance else { return };
        let made = tokio::select! {
            biased;
            () = goes_on.cancelled() => return,
            () = maker.stopped.cancelled() => return,
            made = instance.load(&of, request, maker.functions()) => made,
        };
        let Ok(forgotten) = instance.made(&of, made.as_ref().ok(), &goes_on) else { return };
        if let (Ok(state), Some(forgotten)) = (&made, forgotten) {
            health::watch(&maker, &of, Arc::clone(state), forgotten);
        }
        // Who does not wait any more misses nothing.
        let _ = told.send(Some(made.map(|_| ())));
    });
    Making { made, _goes_on: guard }
}

impl Instance {
    async fn load(
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
