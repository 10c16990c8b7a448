//! One master's conversation with the slave.
//!
//! ```text
//! Greeting ──Welcome──▶ Active ──Goodbye──▶ Leaving ──all ended──▶ Over
//!    │                    │  ▲────refused (504)──┘                  ▲
//!    └──Rejected──▶ Over  └──stream broke, silence, violation───────┘ lost_connection
//! ```
//!
//! The loop reads frames and deals with each at once; it awaits neither user code nor room to
//! write.

mod conversation;
mod goodbye;
mod greeting;
mod shrink;
mod table;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use selsyn_common::link::outbox::Outbox;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_slave::Frame};
use selsyn_common::{ErrorCode, ExecutionId, Refusal, SessionId};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tracing::{debug, info, warn};

use crate::core::Core;
use crate::hooks::Peer;
use greeting::Rejection;

use conversation::Conversation;

pub(crate) use table::Sessions;

/// One session, as executions and the table of sessions know it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) peer: Peer,
    pub(crate) max_result_bytes: usize,
    /// Silence after which the master takes the slave for unreachable.
    heartbeat_tolerance: Duration,
    outbox: Outbox<FromSlave>,
    stop: CancellationToken,
    over: AtomicBool,
    /// Welcome was said: other frames may follow.
    welcomed: AtomicBool,
    /// The goodbye is accepted: nothing new may begin.
    leaving: Mutex<bool>,
}

/// Why a session ended.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    /// The goodbye was accepted.
    Goodbye,
    /// The slave itself closed it.
    Closed,
    /// The stream broke, or the master was silent, or does not read.
    Lost(String),
    /// The master broke a rule, and was told so.
    Violated(String),
}

impl Session {
    /// Sends a frame. Never waits; a master that does not read at all loses its session.
    pub(crate) fn send(&self, frame: Frame) {
        let mut frame = FromSlave { frame: Some(frame), ..FromSlave::default() };
        shrink::to_fit(&mut frame, self.max_result_bytes);
        if let Err(full) = self.outbox.send(frame) {
            warn!(connection = %self.peer.connection, %full, "the session is cut");
            self.stop.cancel();
        }
    }

    /// Keeps the session from being left while the guard lives; a refusal when it is.
    pub(crate) fn still_open(&self) -> Result<MutexGuard<'_, bool>, Refusal> {
        let leaving = self.leaving();
        if *leaving || self.is_over() {
            return Err(Refusal::because(ErrorCode::ConnectionGone, "the session is being closed"));
        }
        Ok(leaving)
    }

    fn leaving(&self) -> MutexGuard<'_, bool> {
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses a start.
    pub(crate) fn refuse(&self, id: ExecutionId, refusal: Refusal) {
        debug!(task.id = %id, code = refusal.reason.as_str(), "refused: {refusal}");
        let refusal = Some(refusal.into());
        self.send(Frame::Refused(proto::Refused { execution: Some(id.into()), refusal }));
    }

    /// Whether nobody will read what is sent.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Ends the session from the slave's side, once what waits has left.
    pub(crate) fn close(&self) {
        self.outbox.close();
        self.stop.cancel();
    }

    fn violation(&self, message: String, ends_stream: bool) {
        warn!(connection = %self.peer.connection, "the master broke a rule: {message}");
        self.send(Frame::Violation(proto::Violation { message, ends_stream }));
    }
}

/// Serves one stream from its first frame to its end.
pub(crate) async fn serve(
    core: Arc<Core>,
    mut incoming: Streaming<FromMaster>,
    outbox: Outbox<FromSlave>,
) {
    let session = match greeting::greet(&core, &mut incoming, &outbox).await {
        Ok(session) => session,
        Err(Rejection { refusal, max_bytes }) => {
            info!(code = refusal.reason.as_str(), "a connection was refused: {refusal}");
            let rejected = proto::Rejected { refusal: Some((*refusal).into()) };
            let frame = Some(Frame::Rejected(rejected));
            let mut frame = FromSlave { frame, ..FromSlave::default() };
            shrink::to_fit(&mut frame, max_bytes);
            // The lane is empty: it has room for one frame.
            let _ = outbox.send(frame);
            outbox.close();
            return linger(&core, incoming).await;
        }
    };
    info!(connection = %session.peer.connection, master = %session.peer.master, "connected");
    // Whatever happens in between, the table does not keep a session that nobody serves.
    let listed = Listed(&core, &session);
    let over = Conversation::new(&core, &session).run(&mut incoming).await;
    drop(listed);
    end(&core, &session, over);
    linger(&core, incoming).await;
}

struct Listed<'a>(&'a Core, &'a Session);

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.1.over.store(true, Ordering::Release);
        self.0.sessions.remove(self.1.id);
    }
}

/// The frame that tells of a drain.
pub(crate) fn draining(deadline: Duration) -> Frame {
    let deadline_millis = u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX);
    Frame::Draining(proto::Draining { deadline_millis })
}

/// As much of a stranger's text as is worth repeating.
fn shortened(text: &str) -> String {
    text.chars().take(256).collect()
}

/// Everything that happens once a session is over.
fn end(core: &Arc<Core>, session: &Arc<Session>, over: Over) {
    match over {
        Over::Goodbye | Over::Closed | Over::Violated(_) => session.outbox.close(),
        // Nobody reads any more: what waits is dropped.
        Over::Lost(_) => session.outbox.abandon(),
    }
    for record in core.records.of_session(session.id) {
        // Nobody can ask for it any more; what still runs is forgotten at its own end.
        if record.state().outcome.is_some() {
            core.records.forget(record.id);
        }
    }
    info!(connection = %session.peer.connection, ?over, dropped_outputs = session.outbox.dropped(), "disconnected");
    let is_lost = matches!(over, Over::Lost(_) | Over::Violated(_));
    if let Some(hook) = core.hooks.lost_connection.clone().filter(|_| is_lost) {
        let peer = session.peer.clone();
        let told = std::panic::AssertUnwindSafe(async move { hook(peer).await });
        core.spawn_function(async move {
            if told.catch_unwind().await.is_err() {
                warn!("the lost_connection hook panicked");
            }
        });
    }
}

/// Keeps reading until the master has seen the end: a stream dropped early takes along what was
/// sent last.
async fn linger(core: &Core, mut incoming: Streaming<FromMaster>) {
    let drained = async { while let Ok(Some(_)) = incoming.message().await {} };
    let _ = timeout(core.settings.greeting_timeout, drained).await;
}
