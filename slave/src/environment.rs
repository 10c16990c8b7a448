//! Closes and opens the environment: the slave's readiness to run (bluesky).

use std::sync::Arc;

use selsyn_common::Refusal;
use tokio::sync::oneshot;
use tracing::info;

use crate::admission::Doors;
use crate::core::Core;
use crate::executor::ask_to_stop;
use crate::initializer;
use crate::lifecycle::StopCause;

/// Stops what runs and waits, and waits until all of it has its verdict. By force also what is in
/// front, and what initializers made is forgotten then. It goes on where its caller leaves, and
/// whoever closes meanwhile waits for it too.
pub(crate) async fn close(core: &Arc<Core>, by_force: bool) -> Result<(), Refusal> {
    core.admission().begin_close(by_force)?;
    info!(by_force, running = core.admission().running(), "closing the environment");
    let (done, is_done) = oneshot::channel();
    let closing = Closing(Arc::clone(core));
    core.spawn(async move {
        stop_all(&closing.0).await;
        if by_force {
            initializer::stop_all(&closing.0).await;
        }
        drop(closing);
        let _ = done.send(());
    });
    // The end of the slave's runtime ends it too.
    let _ = is_done.await;
    closed(core).await;
    Ok(())
}

/// One who closes the environment. On drop, so that the end of the slave's runtime lets the others
/// go.
struct Closing(Arc<Core>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.admission().end_close();
        self.0.closed.notify_waiters();
    }
}

/// Waits until nobody is closing any more.
async fn closed(core: &Core) {
    loop {
        let changed = core.closed.notified();
        if core.admission().doors() != Doors::Closing {
            return;
        }
        changed.await;
    }
}

/// Bounded: the ladder gives every one its verdict after the grace.
async fn stop_all(core: &Arc<Core>) {
    // Nobody is let in any more: these are all.
    let records = core.records.all_to_stop();
    for record in &records {
        ask_to_stop(core, record, StopCause::EnvironmentClosed);
    }
    for record in records {
        record.until(|state| state.is_settled || state.is_left).await;
    }
}
