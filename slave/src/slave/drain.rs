//! The phases of stopping, each with its own limit: refuse, tell, finish, abort, close, join.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::{Stop, served_result};
use crate::core::Core;
use crate::error::ServeError;
use crate::executor::ask_to_stop;
use crate::initializer;
use crate::lifecycle::StopCause;
use crate::session;

/// Time for masters to read the last frames before their connections are cut.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// Refuse, tell, finish, abort.
pub(super) async fn drain(core: &Arc<Core>, deadline: Duration) {
    core.admission().drain();
    core.draining.cancel();
    core.sessions.tell_all(&session::draining(deadline));
    info!(running = core.admission().running(), ?deadline, "draining");
    let done = async {
        all_ended(core).await;
        all_told(core).await;
    };
    if timeout(deadline, done).await.is_err() {
        abort_all(core);
        // Bounded: the ladder gives every one its verdict after the grace.
        all_ended(core).await;
        let _ = timeout(CLOSE_PATIENCE, all_told(core)).await;
    }
}

pub(super) fn abort_all(core: &Arc<Core>) {
    for record in core.records.all_to_stop() {
        ask_to_stop(core, &record, StopCause::ShuttingDown);
    }
}

/// Waits until every execution has its verdict. None can come any more: admission is closed.
async fn all_ended(core: &Core) {
    for record in core.records.all() {
        record.until(|state| state.is_settled).await;
    }
}

/// Waits until every master has been told everything; those that are away may come back for it.
async fn all_told(core: &Core) {
    while !core.sessions.all().iter().all(|session| session.is_told()) {
        // Acknowledgements come with any frame and have no event of their own.
        sleep(Duration::from_millis(10)).await;
    }
}

/// Close, join.
pub(super) async fn close(
    core: &Arc<Core>,
    stop: &Stop,
    serving: &mut JoinHandle<Result<(), ServeError>>,
) -> Result<(), ServeError> {
    initializer::stop_all(core).await;
    core.stopped.cancel();
    core.sessions.all().iter().for_each(|session| session::close(core, session));
    stop.accept.cancel();
    let mut served = timeout(CLOSE_PATIENCE, &mut *serving).await;
    if served.is_err() {
        // A connection that never finished its preface would hold the transport for an hour.
        warn!("connections that did not end in time are cut");
        stop.cut.cancel();
        served = timeout(CLOSE_PATIENCE, serving).await;
    }
    stop.cut.cancel();
    let _ = timeout(CLOSE_PATIENCE, core.join()).await;
    served.map_or(Ok(()), served_result)
}
