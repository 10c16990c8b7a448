//! Whether a state is still good, and its last hour.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

use super::{AnyState, Erased, Instance};
use crate::core::Core;
use crate::registry::Registered;

/// Pause between two questions, time for an answer, and misses that are forgiven: FunctionGraph's.
const EVERY: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(3);
const MISSES: u32 = 6;

/// What the health hook says.
enum Health {
    Good,
    Missed,
    /// It panicked: nothing more is to be expected of the state.
    Broken,
}

/// Asks after a state until it is not good any more, or is forgotten, if somebody can tell.
pub(super) fn watch(
    core: &Arc<Core>,
    of: &Arc<Registered>,
    state: AnyState,
    forgotten: CancellationToken,
) {
    let Some(instance) = &of.instance else { return };
    if instance.initializer.healthy.is_none() {
        return;
    }
    let (core, of) = (Arc::clone(core), Arc::clone(of));
    core.clone().spawn(async move {
        let Some(instance) = &of.instance else { return };
        tokio::select! {
            () = core.stopped.cancelled() => {}
            () = forgotten.cancelled() => {}
            () = is_broken(&core, &instance.initializer, &state) => {
                warn!(function = %of.name, "its state is not healthy; the next call makes another");
                if let Some(state) = instance.forget(&of, &state) {
                    pre_stop(&core, &of, instance, state).await;
                }
            }
        }
    });
}

/// Waits until the state is broken.
async fn is_broken(core: &Core, initializer: &Arc<Erased>, state: &AnyState) {
    let mut misses = 0;
    while misses < MISSES {
        sleep(EVERY).await;
        match ask(core, initializer, state).await {
            Health::Good => misses = 0,
            Health::Missed => misses += 1,
            Health::Broken => return,
        }
    }
}

async fn ask(core: &Core, initializer: &Arc<Erased>, state: &AnyState) -> Health {
    let (initializer, state) = (Arc::clone(initializer), Arc::clone(state));
    let question = async move {
        match &initializer.healthy {
            Some(healthy) => healthy(state).await,
            None => true,
        }
    };
    let asking = core.functions().spawn(AssertUnwindSafe(question).catch_unwind());
    match timeout(PATIENCE, AbortOnDropHandle::new(asking)).await {
        Ok(Ok(Ok(true))) => Health::Good,
        Ok(Ok(Err(_)) | Err(_)) => Health::Broken,
        Ok(Ok(Ok(false))) | Err(_) => Health::Missed,
    }
}

/// Gives up the states of all functions, and those that are being made; tells the pre-stop hooks,
/// all at once.
pub(crate) async fn stop_all(core: &Arc<Core>) {
    let stopping = core.registry.all().into_iter().map(|of| async move {
        let Some(instance) = &of.instance else { return };
        if let Some(state) = instance.give_up(&of) {
            pre_stop(core, &of, instance, state).await;
        }
    });
    futures_util::future::join_all(stopping).await;
}

async fn pre_stop(core: &Core, of: &Registered, instance: &Instance, state: AnyState) {
    let initializer = Arc::clone(&instance.initializer);
    let limit = initializer.pre_stop_timeout;
    let told = async move {
        if let Some(hook) = &initializer.pre_stop {
            hook(state).await;
        }
    };
    let telling = AbortOnDropHandle::new(core.functions().spawn(told));
    if !matches!(timeout(limit, telling).await, Ok(Ok(()))) {
        warn!(function = %of.name, ?limit, "its pre-stop hook panicked, or took too long");
    }
}
