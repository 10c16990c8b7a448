//! One master's conversation with the slave. It outlives its streams.
//!
//! ```text
//! Greeting ──Welcome──▶ Attached ──Goodbye──▶ Leaving ──all ended──▶ Closed
//!    │                   │  ▲ ▲───refused (504)──┘                    ▲
//!    └──Rejected         │  └──resumed──┐                             │ lost_connection
//!                        └─stream broke─┴▶ Detached ──window over─────┘
//! ```
//!
//! The loop of an attached session reads frames and deals with each at once; it awaits neither
//! user code nor room to write.

mod announced;
mod conversation;
mod detached;
mod fences;
mod goodbye;
mod greeting;
mod lifetime;
mod open;
mod remembered;
mod shrink;
mod table;
mod tally;
mod tie;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use selsyn_common::link::batch::Batch;
use selsyn_common::link::line::LineFull;
use selsyn_common::link::outbox::{Outbox, StreamEnd};
use selsyn_common::link::quick::Short;
use selsyn_common::link::verdicts::Verdicts;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_slave::Frame};
use selsyn_common::{ErrorCode, ExecutionId, Incarnation, Refusal, SessionId, Token};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tonic::Streaming;
use tracing::{debug, info, warn};

use crate::core::Core;
use crate::hooks::Peer;
use crate::records::Logs;
use conversation::Conversation;
use greeting::{Greeted, Rejection};
use tally::Tally;
use tie::Tie;

pub(crate) use detached::DetachedSessions;
pub(crate) use remembered::Ahead;
pub(crate) use shrink::output_to_fit;
pub(crate) use table::Sessions;

/// One session, as executions and the table of sessions know it.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) peer: Peer,
    pub(crate) max_result_bytes: usize,
    incarnation: Incarnation,
    /// Proves the right to resume it.
    secret: Token,
    /// Silence after which the master takes the slave for unreachable.
    heartbeat_tolerance: Duration,
    /// How long it is kept after its stream broke.
    window: Duration,
    outbox: Outbox<FromSlave>,
    tie: Tie,
    /// Held by the stream that reads: the next one waits for its last frame to be dealt with.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Welcome was said: other frames may follow.
    welcomed: AtomicBool,
    /// Results of this session may go: nobody can come back for them.
    forgotten: AtomicBool,
    /// A goodbye is under way: one is enough.
    goodbye: AtomicBool,
    /// The goodbye is accepted: nothing new may begin.
    leaving: AtomicBool,
    /// Executions that are remembered for it.
    records: Tally,
    /// Batches of its verdicts that are given and not said yet.
    unsaid: Tally,
    /// Where its executions keep what they show.
    pub(crate) logs: Arc<Logs>,
}

/// What a stream of the slave says first, and what it goes on with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) first: FromSlave,
    pub(crate) then: Option<StreamEnd<FromSlave>>,
}

/// When a frame leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// As soon as it can.
    AtOnce,
    /// Together with what else answers the batch that is being dealt with.
    WithBatch,
}

/// Why a stream, or a session, ended.
#[derive(Debug, PartialEq, Eq)]
enum Over {
    /// The goodbye was accepted.
    Goodbye,
    /// The slave itself closed it.
    Closed,
    /// A newer life of the master has taken its place.
    Fenced,
    /// The master left without a goodbye.
    Left,
    /// The stream broke, or the master was silent.
    Lost(String),
    /// The master does not read.
    Full,
    /// The master broke a rule, and was told so.
    Violated(String),
    /// A newer stream goes on with the session.
    Replaced,
    /// Its master has begun another one under the same name, which takes over what it holds.
    Superseded,
}

impl Session {
    /// Sends a frame. Never waits; a master that does not read at all loses its session.
    pub(crate) fn send(&self, frame: Frame) {
        self.say(frame, Leaves::AtOnce);
    }

    /// Says something behind all that was said before.
    pub(crate) fn say(&self, frame: Frame, leaves: Leaves) {
        let mut frame = FromSlave { frame: Some(frame) };
        shrink::to_fit(&mut frame, self.max_result_bytes);
        self.said(match leaves {
            Leaves::AtOnce => self.outbox.send(frame),
            Leaves::WithBatch => self.outbox.put(frame),
        });
    }

    /// As [`send`](Self::send) for a common frame, which need not be made.
    pub(crate) fn send_short(&self, short: &impl Short<FromSlave>) {
        self.said(self.outbox.send_short(short));
    }

    /// Verdicts are given and not said yet: they are said with what else answers their batch.
    pub(crate) fn holds_back(&self) {
        self.unsaid.add(1);
    }

    /// Says verdicts that were held back.
    pub(crate) fn say_verdicts(&self, verdicts: &mut Verdicts) {
        self.said(self.outbox.put_verdicts(verdicts));
        self.unsaid.remove(1);
    }

    fn said(&self, said: Result<(), LineFull>) {
        if let Err(full) = said {
            warn!(connection = %self.peer.connection, %full, "the session is cut");
            self.tie.stop();
        }
    }

    /// Refuses a start when the session is left or over. Look while the start's part of the table
    /// is locked: whoever leaves or ends the session says so, and looks through the table after
    /// that. So the start is found there, or it is refused.
    pub(crate) fn check_open(&self) -> Result<(), Refusal> {
        if self.is_leaving() || self.is_over() {
            return Err(Refusal::because(ErrorCode::ConnectionGone, "the session is being closed"));
        }
        Ok(())
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::SeqCst)
    }

    /// Counts the executions of one batch before they begin.
    pub(crate) const fn ahead(&self) -> Ahead<'_> {
        Ahead::new(&self.records)
    }

    /// One more execution is remembered for it.
    pub(crate) fn remembers_one(&self) {
        self.records.add(1);
    }

    /// So many less.
    pub(crate) fn forget(&self, count: usize) {
        self.records.remove(count);
    }

    /// Refuses a start.
    pub(crate) fn refuse(&self, id: ExecutionId, refusal: Refusal) {
        debug!(task.id = %id, code = refusal.reason.as_str(), "refused: {refusal}");
        let refusal = Some(refusal.into());
        self.send(Frame::Refused(proto::Refused { execution: Some(id.into()), refusal }));
    }

    /// Whether it has ended, and no stream can resume it.
    pub(crate) fn is_over(&self) -> bool {
        self.tie.is_closed()
    }

    /// Whether nobody can come back for its results.
    pub(crate) fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Acquire)
    }

    /// Whether the master has been told everything it must be told, or cannot be: what has left
    /// on a stream that holds arrives, what left before a break may not have.
    pub(crate) fn is_told(&self) -> bool {
        let is_attached = self.tie.detached_since().is_none();
        let is_gone = || self.outbox.is_settled() || (is_attached && self.outbox.is_drained());
        self.is_over() || (self.unsaid.is_empty() && is_gone())
    }

    /// Whether it is the same master's connection of the same name.
    fn is_kin(&self, other: &Self) -> bool {
        self.peer == other.peer && self.incarnation == other.incarnation
    }

    fn violation(&self, message: String, ends_stream: bool) {
        warn!(connection = %self.peer.connection, "the master broke a rule: {message}");
        self.send(Frame::Violation(proto::Violation { message, ends_stream }));
    }
}

pub(crate) use lifetime::close;

/// Serves one stream from its first frame to its end.
pub(crate) async fn serve(
    core: Arc<Core>,
    mut incoming: Streaming<Batch<FromMaster>>,
    opening: oneshot::Sender<Opening>,
) {
    let greeted = match greeting::greet(&core, &mut incoming).await {
        Ok(greeted) => greeted,
        Err(rejection) => {
            // Whoever asked may have gone.
            let _ = opening.send(reject(rejection));
            return linger(&core, incoming, None).await;
        }
    };
    let Greeted { session, stream, welcome } = greeted;
    let first = FromSlave { frame: Some(welcome) };
    let _ = opening.send(Opening { first, then: Some(stream.end.clone()) });
    let attached = lifetime::Attached::new(&core, &session, stream.number);
    let (number, end) = (stream.number, stream.end.clone());
    let turn = Arc::clone(&session.turn).lock_owned().await;
    let (over, last_heard) = Conversation::new(&core, &session, stream).run(&mut incoming).await;
    attached.over(over, last_heard);
    drop(turn);
    linger(&core, incoming, Some(end)).await;
    if session.is_over() && session.tie.is_current(number) {
        // Who has not read the end by now keeps neither the stream nor what waits for it.
        session.outbox.abandon();
    }
}

fn reject(Rejection { refusal, max_bytes }: Rejection) -> Opening {
    info!(code = refusal.reason.as_str(), "a connection was refused: {refusal}");
    let frame = Some(Frame::Rejected(proto::Rejected { refusal: Some((*refusal).into()) }));
    let mut first = FromSlave { frame };
    shrink::to_fit(&mut first, max_bytes);
    Opening { first, then: None }
}

/// The refusal of a Hello that comes a second time, or after a later one of the same connection.
fn late(session: &Session) -> Refusal {
    let message = format!("a later Hello of connection {} has come", session.peer.connection);
    Refusal::because(ErrorCode::LateHello, message)
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

/// Keeps reading until the master has seen the end, but not for ever: a stream dropped early takes
/// along what was sent last. What the master acknowledges lets the rest of it leave.
async fn linger(
    core: &Core,
    mut incoming: Streaming<Batch<FromMaster>>,
    end: Option<StreamEnd<FromSlave>>,
) {
    let drained = async {
        while let Ok(Some(batch)) = incoming.message().await {
            if let Some(end) = &end {
                end.acked(batch);
            }
        }
    };
    let _ = timeout(core.settings.greeting_timeout, drained).await;
}
