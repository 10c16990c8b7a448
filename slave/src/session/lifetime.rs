//! What becomes of a session when its stream is over: kept for its window, then closed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{Leaves, Over, Session};
use crate::config::OnMasterLost;
use crate::core::Core;
use crate::executor::ask_to_stop;
use crate::lifecycle::StopCause;

/// A stream that is tied to its session. However it ends, a panic and the end of the runtime
/// included, the table does not keep a session that nobody serves.
pub(super) struct Attached {
    core: Arc<Core>,
    session: Arc<Session>,
    stream: u64,
    over: Option<(Over, Instant)>,
}

impl Attached {
    pub(super) fn new(core: &Arc<Core>, session: &Arc<Session>, stream: u64) -> Self {
        let (core, session) = (Arc::clone(core), Arc::clone(session));
        Self { core, session, stream, over: None }
    }

    /// The stream is over, and its master was last heard at this moment.
    pub(super) fn over(mut self, over: Over, last_heard: Instant) {
        self.over = Some((over, last_heard));
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        let lost = || (Over::Lost("the slave stopped reading".to_owned()), Instant::now());
        match self.over.take().unwrap_or_else(lost) {
            (Over::Replaced, _) => {}
            (Over::Lost(why), last_heard) => {
                detach(&self.core, &self.session, self.stream, &why, last_heard);
            }
            (over, _) => end(&self.core, &self.session, &over),
        }
    }
}

/// Keeps a session whose stream broke for as long as its master may come back.
fn detach(core: &Arc<Core>, session: &Arc<Session>, stream: u64, why: &str, last_heard: Instant) {
    if session.outbox.is_full() {
        return end(core, session, &Over::Full);
    }
    let Some(back) = session.tie.detach(stream, last_heard, &session.outbox) else { return };
    info!(connection = %session.peer.connection, why, "contact lost; the session is kept");
    let (core, session) = (Arc::clone(core), Arc::clone(session));
    core.clone().spawn(async move {
        tokio::select! {
            biased;
            () = back.cancelled() => {}
            () = core.stopped.cancelled() => end(&core, &session, &Over::Closed),
            () = wait(&core, &session, last_heard) => {
                let lost = || Over::Lost("the master did not come back".to_owned());
                let over = if session.is_leaving() { Over::Goodbye } else { lost() };
                end(&core, &session, &over);
            }
        }
    });
}

/// Waits until the window of a detached session is over; the policy may stop its executions
/// before that. The window counts from the break: the master may have heard the slave until then.
async fn wait(core: &Arc<Core>, session: &Arc<Session>, last_heard: Instant) {
    let window = sleep(session.window);
    tokio::pin!(window);
    if let OnMasterLost::AbortAfter(patience) = core.settings.on_master_lost {
        let patience = patience.saturating_sub(last_heard.elapsed());
        tokio::select! {
            biased;
            () = &mut window => return,
            () = sleep(patience) => abort_all(core, session),
        }
    }
    window.await;
}

fn abort_all(core: &Arc<Core>, session: &Session) {
    for record in core.records.of_session(session.id) {
        ask_to_stop(core, &record, StopCause::MasterLost);
    }
}

/// Closes a session from the slave's side, once what waits has left.
pub(crate) fn close(core: &Arc<Core>, session: &Arc<Session>) {
    tell_held_back(core, session);
    session.outbox.close();
    if session.tie.detached_since().is_some() {
        end(core, session, &Over::Closed);
    } else {
        session.tie.stop();
    }
}

/// Tells the verdicts that the session's own task holds back and does not say, as a run that it
/// began in place never yields. One that still has its place was given up, and that was said at once.
/// Another that is said twice is ignored.
pub(super) fn tell_held_back(core: &Core, session: &Session) {
    if session.unsaid.is_empty() {
        return;
    }
    for record in core.records.of_session(session.id) {
        let state = record.state();
        if state.is_left && !state.session(&record).is_forgotten() {
            state.tell_verdict_to(session, record.id, Leaves::WithBatch);
        }
    }
}

/// A newer life of the same master has come: this one's session is over.
pub(super) fn fence(core: &Arc<Core>, session: &Arc<Session>) {
    use selsyn_common::proto::{self, from_slave::Frame};
    session.send(Frame::Fenced(proto::Fenced {}));
    end(core, session, &Over::Fenced);
}

/// Everything that happens once a session is over.
pub(super) fn end(core: &Arc<Core>, session: &Arc<Session>, over: &Over) {
    if !session.tie.close() {
        return;
    }
    core.sessions.remove(session.id);
    core.count_owners();
    match over {
        Over::Goodbye | Over::Closed | Over::Violated(_) | Over::Fenced => session.outbox.close(),
        Over::Superseded => {
            // Not in good order: the other session tells what this one has not.
            session.outbox.detach();
            session.outbox.abandon();
        }
        // Nobody reads any more: what waits is dropped.
        Over::Lost(_) | Over::Full | Over::Left | Over::Replaced => session.outbox.abandon(),
    }
    info!(connection = %session.peer.connection, ?over, dropped_outputs = session.outbox.dropped(), "disconnected");
    if matches!(over, Over::Goodbye | Over::Closed) {
        return forget(core, session);
    }
    if *over == Over::Superseded {
        return keep_results(core, session);
    }
    tell_lost(core, session);
    if matches!(core.settings.on_master_lost, OnMasterLost::AbortAfter(_)) {
        abort_all(core, session);
    }
    keep_results(core, session);
}

/// Results that nobody took wait for their owner, but not for ever.
fn keep_results(core: &Arc<Core>, session: &Arc<Session>) {
    if session.records.is_empty() {
        return forget(core, session);
    }
    core.sessions.add_orphan();
    let guard = OrphanGone(Arc::clone(core), Arc::clone(session));
    let stopped: CancellationToken = core.stopped.clone();
    core.spawn(async move {
        let OrphanGone(core, session) = &guard;
        tokio::select! {
            biased;
            () = stopped.cancelled() => {}
            // A later session has taken them over, or they were taken: no reason to stay.
            () = session.records.emptied() => {}
            () = sleep(core.settings.owner_patience) => {}
        }
    });
}

struct OrphanGone(Arc<Core>, Arc<Session>);

impl Drop for OrphanGone {
    fn drop(&mut self) {
        self.0.sessions.remove_orphan();
        forget(&self.0, &self.1);
    }
}

/// Nobody comes back for the session's results any more; what still runs is retired at its end.
fn forget(core: &Core, session: &Session) {
    session.forgotten.store(true, Ordering::Release);
    let mut dropped = 0;
    for record in core.records.of_session(session.id) {
        let is_untaken = {
            let state = record.state();
            state.result_bytes().is_some() && !state.is_forgotten
        };
        if is_untaken {
            core.retire(&record);
            dropped += 1;
        }
    }
    if dropped > 0 && !session.outbox.is_settled() {
        warn!(connection = %session.peer.connection, dropped, "results that nobody took wait for nobody any more");
    }
}

fn tell_lost(core: &Core, session: &Session) {
    if !session.welcomed.load(Ordering::Relaxed) {
        return;
    }
    let Some(hook) = core.hooks.lost_connection.clone() else { return };
    let peer = session.peer.clone();
    let told = std::panic::AssertUnwindSafe(async move { hook(peer).await });
    core.spawn_function(async move {
        if told.catch_unwind().await.is_err() {
            warn!("the lost_connection hook panicked");
        }
    });
}
