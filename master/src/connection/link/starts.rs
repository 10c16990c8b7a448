//! Puts starts, cancels and goodbyes on their way.

use std::time::Duration;

use selsyn_common::link::line::LineFull;
use selsyn_common::proto::{self, FromMaster, from_master::Frame};
use selsyn_common::{ErrorCode, ExecutionId, Payload, Refusal};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{GoodbyeAnswer, Held, Link, taken};
use crate::cell::{Aftermath, Answer, Cell, SharedCell};
use crate::connection::ConnectionState;
use crate::dispatch::{Terms, send_start};

/// Longest name of a function that is sent, in bytes: no slave takes a longer one.
const MAX_FUNCTION_NAME: usize = 512;

/// Characters of a cancel's reason that are sent.
const MAX_REASON: usize = 4_096;

impl Link {
    /// Puts a start into the table, then on its way, or in the queue for the next session. It began
    /// when the caller says, or begins now; gives when that was.
    ///
    /// # Errors
    ///
    /// The answer, when it is known without asking the slave.
    pub(crate) fn start(
        &self,
        cell: &SharedCell,
        terms: Option<Box<Terms>>,
        begun: Option<Instant>,
        patience: Duration,
    ) -> Result<Instant, Answer> {
        self.check(cell)?;
        let mut inner = self.inner();
        if inner.gone {
            return Err(Answer::NotSent);
        }
        if inner.tasks.len() >= self.settings.max_in_flight {
            return Err(Answer::TooManyInFlight);
        }
        let (begun, until) = match begun {
            Some(begun) => (begun, inner.tasks.turns.until(begun, patience)),
            None => inner.tasks.turns.start(patience),
        };
        let mut sent = Ok(());
        let is_sooner = if let Some(session) = inner.session.as_ref().filter(|_| inner.up) {
            let limit = session.max_payload_bytes;
            if cell.sent_data().len() > limit {
                return Err(Answer::TooLarge(limit));
            }
            let generation = session.generation;
            let is_sooner = inner.tasks.add_sent(SharedCell::clone(cell), generation, until);
            let number = inner.slave.as_mut().map_or(0, |slave| slave.functions.number(cell));
            sent = send_start(cell, terms, number, &mut inner);
            is_sooner
        } else {
            inner.tasks.add_waiting(SharedCell::clone(cell), terms, until)
        };
        drop(inner);
        self.is_cut(sent);
        if is_sooner {
            self.sooner.notify_one();
        }
        Ok(begun)
    }

    /// Refuses what the slave would refuse too.
    fn check(&self, cell: &Cell) -> Result<(), Answer> {
        let bytes = cell.function.as_bytes().len();
        let refusal = if !self.is_calm() && self.state() == ConnectionState::Draining {
            Refusal::because(ErrorCode::Draining, "the slave is draining")
        } else if bytes > MAX_FUNCTION_NAME {
            let message = format!("there is no function with a name of {bytes} bytes");
            Refusal::because(ErrorCode::UnknownFunction, message)
        } else {
            return Ok(());
        };
        Err(Answer::Refused(Box::new(refusal)))
    }

    /// Gives up a start: takes it back if it was not sent, else asks the slave to cancel it, in
    /// this session or the next. True when it was not sent. The reason is cut at 4,096 characters.
    pub(crate) fn cancel(&self, id: ExecutionId, reason: &str) -> bool {
        if self.take_back(id) {
            return true;
        }
        let mut inner = self.inner();
        let reason: String = reason.chars().take(MAX_REASON).collect();
        let is_news = inner.tasks.cancelled(id, &reason);
        let sent = if is_news { say(&mut inner, cancel(id, reason)) } else { Ok(()) };
        drop(inner);
        self.is_cut(sent);
        false
    }

    /// Takes a start back that waits for a session; false when it was sent.
    pub(crate) fn take_back(&self, id: ExecutionId) -> bool {
        let mut inner = self.inner();
        let cell = if inner.tasks.is_waiting(id) { inner.tasks.remove(id) } else { None };
        drop(inner);
        let Some(cell) = cell else { return false };
        let mut after = Aftermath::default();
        Cell::not_started(&cell, Answer::NotSent, &mut after);
        after.deal_with(self);
        true
    }

    /// Sends a frame in the session, if there is one; while its stream is away, the frame waits.
    pub(crate) fn send(&self, frame: Frame) {
        let mut inner = self.inner();
        let sent = say(&mut inner, frame);
        drop(inner);
        self.is_cut(sent);
    }

    /// Tells of a session whose slave does not read: its outbox has closed itself, the slave ends
    /// the stream, and a new session begins.
    pub(super) fn is_cut(&self, sent: Result<(), LineFull>) {
        if let Err(full) = sent {
            tracing::warn!(connection = %self.name, %full, "the session is cut");
        }
    }

    /// Sends a goodbye, or joins the one that is under way or was accepted; the receiver is told
    /// the answer. `None` when the connection is not up.
    pub(crate) fn goodbye(&self, data: Payload) -> Option<oneshot::Receiver<GoodbyeAnswer>> {
        let (answer, answered) = oneshot::channel();
        let mut inner = self.inner();
        if let Some(farewell) = &inner.farewell {
            // The receiver is right here.
            let _ = answer.send(farewell.clone());
            return Some(answered);
        }
        inner.session.as_ref().filter(|_| inner.up)?;
        let goodbye = Frame::Goodbye(proto::Goodbye { data: Some(data.into()) });
        let sent = if inner.goodbyes.is_empty() { say(&mut inner, goodbye) } else { Ok(()) };
        inner.goodbyes.push(answer);
        drop(inner);
        self.is_cut(sent);
        Some(answered)
    }

    /// The slave has answered without the rest of a task's data.
    pub(crate) fn give_up_sending(&self, id: ExecutionId) {
        self.inner().parts().1.give_up_sending(id);
    }

    /// Whether the caller is the first to tell of the goodbye; the others need not.
    pub(crate) fn tells_farewell(&self) -> bool {
        !std::mem::replace(&mut self.inner().farewell_told, true)
    }
}

/// Puts a frame on its way, if there is a session.
fn say(inner: &mut Held<'_>, frame: Frame) -> Result<(), LineFull> {
    if inner.session.is_none() {
        return Ok(());
    }
    taken::tell(inner)?;
    inner.send(FromMaster { frame: Some(frame) })
}

pub(super) fn cancel(id: ExecutionId, reason: String) -> Frame {
    Frame::Cancel(proto::Cancel { execution: Some(id.into()), reason })
}
