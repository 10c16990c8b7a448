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

mod goodbye;
mod greeting;
mod table;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use selsyn_common::link::contact::{Contact, Silence};
use selsyn_common::link::numbering::Arrival;
use selsyn_common::link::outbox::Outbox;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave::Frame};
use selsyn_common::wire::{self, WireError};
use selsyn_common::{ErrorCode, ExecutionId, Refusal, SessionId};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tracing::{debug, info, warn};

use crate::core::Core;
use crate::executor::{self, Request};
use crate::hooks::Peer;

pub(crate) use table::Sessions;

/// One session, as executions and the table of sessions know it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) peer: Peer,
    pub(crate) max_result_bytes: usize,
    /// Silence after which the master takes the slave for unreachable.
    heartbeat_tolerance: std::time::Duration,
    outbox: Outbox<FromSlave>,
    stop: CancellationToken,
    over: AtomicBool,
}

/// Why a session ended.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    /// The goodbye was accepted.
    Goodbye,
    /// The slave itself closed it.
    Closed,
    /// The stream broke, or the master was silent, or it broke a rule.
    Lost(String),
}

impl Session {
    /// Sends a frame. Never waits; a master that does not read at all loses its session.
    pub(crate) fn send(&self, frame: Frame) {
        if let Err(full) =
            self.outbox.send(FromSlave { frame: Some(frame), ..FromSlave::default() })
        {
            warn!(connection = %self.peer.connection, %full, "the session is cut");
            self.stop.cancel();
        }
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
        Err(refusal) => {
            info!(code = refusal.reason.as_str(), "a connection was refused: {refusal}");
            let rejected = proto::Rejected { refusal: Some((*refusal).into()) };
            let frame = Some(Frame::Rejected(rejected));
            // The lane is empty: it has room for one frame.
            let _ = outbox.send(FromSlave { frame, ..FromSlave::default() });
            outbox.close();
            return linger(&core, incoming).await;
        }
    };
    info!(connection = %session.peer.connection, master = %session.peer.master, "connected");
    let over = Conversation::new(&core, &session).run(&mut incoming).await;
    end(&core, &session, over).await;
    linger(&core, incoming).await;
}

/// Everything that happens once a session is over.
async fn end(core: &Arc<Core>, session: &Arc<Session>, over: Over) {
    session.over.store(true, Ordering::Release);
    session.outbox.close();
    core.sessions.remove(session.id);
    for record in core.records.of_session(session.id) {
        // Nobody can ask for it any more; what still runs is forgotten at its own end.
        if record.state().outcome.is_some() {
            core.records.forget(record.id);
        }
    }
    info!(connection = %session.peer.connection, ?over, "disconnected");
    if let (Over::Lost(_), Some(hook)) = (over, core.hooks.lost_connection.clone()) {
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

/// The loop of an active session.
struct Conversation<'a> {
    core: &'a Arc<Core>,
    session: &'a Arc<Session>,
    contact: Contact,
}

impl<'a> Conversation<'a> {
    fn new(core: &'a Arc<Core>, session: &'a Arc<Session>) -> Self {
        let tolerance = core.settings.heartbeat_tolerance;
        let contact = Contact::new(tolerance, tolerance, Instant::now().into_std());
        Self { core, session, contact }
    }

    async fn run(mut self, incoming: &mut Streaming<FromMaster>) -> Over {
        // A master with less patience than usual gets more beats.
        let patience = self.session.heartbeat_tolerance / 3;
        let mut beat = interval(self.core.settings.heartbeat_every.min(patience));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            // No bias: neither a flood of frames nor the beat may shut the other out.
            let over = tokio::select! {
                () = self.session.stop.cancelled() => Some(self.stopped()),
                read = incoming.message() => self.read(read),
                _ = beat.tick() => self.beat(),
            };
            if let Some(over) = over {
                return over;
            }
        }
    }

    /// The session was stopped by this side.
    fn stopped(&self) -> Over {
        if self.session.is_over() { Over::Goodbye } else { Over::Closed }
    }

    fn beat(&self) -> Option<Over> {
        if self.contact.silence(Instant::now().into_std()) == Silence::Unreachable {
            return Some(Over::Lost("the master has been silent for too long".to_owned()));
        }
        self.session.send(Frame::Heartbeat(proto::Heartbeat {}));
        None
    }

    fn read(&mut self, read: Result<Option<FromMaster>, tonic::Status>) -> Option<Over> {
        let frame = match read {
            Ok(Some(frame)) => frame,
            // A cancelled stream reads like a clean end: without a goodbye it is a loss.
            Ok(None) => return Some(Over::Lost("the stream ended without a goodbye".to_owned())),
            Err(status) => return Some(Over::Lost(status.message().to_owned())),
        };
        self.contact.heard(Instant::now().into_std());
        match self.session.outbox.arrived(&frame) {
            Ok(Arrival::New) => self.deal_with(frame),
            Ok(Arrival::Again) => None,
            Err(error) => {
                self.session.violation(error.to_string(), true);
                Some(Over::Lost(error.to_string()))
            }
        }
    }

    /// Deals with one frame. A frame that makes no sense is answered, and the session goes on.
    fn deal_with(&self, frame: FromMaster) -> Option<Over> {
        use from_master::Frame as F;
        let (core, session) = (self.core, self.session);
        let dealt = match frame.frame {
            Some(F::Start(start)) => self.start(start),
            Some(F::Cancel(cancel)) => executor::cancel(core, session, cancel),
            Some(F::ResultTaken(taken)) => self.result_taken(taken),
            Some(F::Goodbye(goodbye)) => {
                goodbye::begin(core, session, goodbye);
                Ok(())
            }
            // No function of this version takes input: the frame says that it may be lost.
            Some(F::Heartbeat(_) | F::Input(_)) => Ok(()),
            Some(F::Hello(_)) => {
                Err(WireError { frame: "Hello", field: "frame", problem: "came a second time" })
            }
            Some(F::Violation(violation)) => {
                let message = violation.message;
                warn!(connection = %session.peer.connection, "the master says that the slave broke a rule: {message}");
                return violation.ends_stream.then_some(Over::Lost(message));
            }
            // A newer master may send frames that this version does not know.
            None => Err(WireError::unknown("FromMaster", "frame")),
        };
        if let Err(error) = dealt {
            session.violation(error.to_string(), false);
        }
        None
    }

    fn start(&self, start: proto::Start) -> Result<(), WireError> {
        let id = wire::execution_id("Start", start.execution)?;
        match Request::read(id, start) {
            Ok(request) => executor::start(self.core, self.session, request),
            Err(error) => {
                let refusal = Refusal::because(ErrorCode::ProtocolViolation, error.to_string());
                self.session.refuse(id, refusal);
            }
        }
        Ok(())
    }

    /// The callbacks of a task have returned: its record may go.
    fn result_taken(&self, taken: proto::ResultTaken) -> Result<(), WireError> {
        let id = wire::execution_id("ResultTaken", taken.execution)?;
        let Some(record) = self.core.records.get(id) else {
            return Ok(());
        };
        let is_owner = record.session.peer.master == self.session.peer.master;
        if is_owner && record.state().outcome.is_some() {
            self.core.records.forget(id);
        }
        Ok(())
    }
}
