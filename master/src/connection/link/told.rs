//! What the network loop tells: sessions open, break and end, and tasks with them.

use std::collections::HashSet;
use std::sync::Arc;

use selsyn_common::link::PART_BYTES;
use selsyn_common::link::line::Line;
use selsyn_common::link::numbering::NumberingError;
use selsyn_common::proto::{self, FromMaster};
use selsyn_common::{ErrorCode, ExecutionId, Outcome, Ran, Refusal};
use tokio::time::Instant;

use super::starts::cancel;
use super::{GoodbyeAnswer, Inner, Link, Session, StreamEnd};
use crate::cell::{Aftermath, Answer, Cell, SharedCell};
use crate::config::Settings;
use crate::connection::ConnectionChange as Change;
use crate::connection::in_flight::Generation;
use crate::dispatch::{Catalogue, Ticket, Welcomed, send_start};
use crate::error::ConnectError;

/// Control frames that may wait, for each task: its start, its cancel, its ResultsTaken, and one to
/// spare.
const FRAMES_PER_TASK: usize = 4;

/// Room for the session's own frames: beats, goodbye, and more cancels than tasks.
const FRAMES_OF_SESSION: usize = 1_024;

/// Frames that may wait for the slave, or for its acknowledgement.
pub(super) fn max_frames(settings: &Settings) -> usize {
    let per_task = settings.max_in_flight.saturating_mul(FRAMES_PER_TASK);
    per_task.saturating_add(FRAMES_OF_SESSION)
}

impl Link {
    /// What to resume, if there was something: a session whose stream broke.
    pub(crate) fn resume(&self) -> Option<proto::Resume> {
        let inner = self.inner();
        let ticket = inner.session.as_ref().and_then(|session| session.ticket.clone());
        let Some(Ticket { session_id, session_secret }) = ticket else {
            // Nothing to go on with; but the slave may still have what was started.
            return (inner.sessions > 0).then(proto::Resume::default);
        };
        Some(proto::Resume { session_id, session_secret, received: inner.received() })
    }

    /// The slave has said Welcome: the session that broke goes on, or a new one begins. Gives the
    /// stream's hold on it.
    ///
    /// # Errors
    ///
    /// When the slave contradicts what it said before.
    pub(crate) fn tie(&self, welcomed: &Welcomed) -> Result<StreamEnd, NumberingError> {
        let mut inner = self.inner();
        if let Some(session) = inner.session.as_mut().filter(|_| welcomed.resumed) {
            session.max_payload_bytes = welcomed.max_payload_bytes;
            let generation = session.generation;
            let end = inner.resume(welcomed.received)?;
            inner.tasks.session_resumed(generation);
            return Ok(end);
        }
        inner.goodbyes.clear();
        inner.sessions += 1;
        let generation = inner.sessions;
        let (max_payload_bytes, ticket) = (welcomed.max_payload_bytes, welcomed.ticket.clone());
        inner.session = Some(Session { generation, max_payload_bytes, ticket });
        Ok(inner.begin_anew(max_frames(&self.settings)))
    }

    /// A stream is tied to the session: what waited goes on its way. In a new session, what was
    /// cancelled is so again.
    pub(crate) fn opened(&self, welcomed: Welcomed) {
        let mut inner = self.inner();
        let Some(session) = &inner.session else { return };
        let former = session.generation - 1;
        let is_new = !welcomed.resumed;
        let is_other = inner.slave.as_ref().is_some_and(|slave| slave.boot_id != welcomed.boot_id);
        inner.slave = Some(welcomed);
        inner.last_dial = None;
        inner.up = true;
        let gone = if is_other { inner.tasks.take_sent(former) } else { Vec::new() };
        let cancelled = if is_new { inner.tasks.all_cancelled() } else { Vec::new() };
        drop(inner);
        self.change(Change::Welcomed);
        self.end_lost(gone, "the slave has been restarted and knows nothing of the task");
        for (id, reason) in cancelled {
            self.send(cancel(id, reason));
        }
        while self.send_waiting() {}
    }

    /// Sends the next start that waits; false when there is none.
    fn send_waiting(&self) -> bool {
        let mut inner = self.inner();
        let Some(Session { generation, max_payload_bytes: limit, .. }) = inner.session else {
            return false;
        };
        let next = inner.tasks.next_waiting(generation);
        let Some((cell, terms)) = next else { return false };
        if cell.sent_data().len() <= limit {
            let number = inner.slave.as_mut().map_or(0, |slave| slave.functions.number(&cell));
            let sent = send_start(&cell, terms, number, &mut inner);
            drop(inner);
            self.is_cut(sent);
            return true;
        }
        inner.tasks.remove(cell.id);
        drop(inner);
        let mut after = Aftermath::default();
        Cell::not_started(&cell, Answer::TooLarge(limit), &mut after);
        after.deal_with(self);
        true
    }

    /// A slave that drains has ended the stream in good order: it answered every start that it
    /// took, and refused the others. The answer of those that crossed with its end is known too.
    pub(crate) fn drained(&self) {
        let unanswered = {
            let mut inner = self.inner();
            let session = inner.sessions;
            inner.tasks.take_unanswered(session)
        };
        let mut after = Aftermath::default();
        for cell in unanswered {
            let refusal = Refusal::because(ErrorCode::Draining, "the slave has been drained");
            Cell::not_started(&cell, Answer::Refused(Box::new(refusal)), &mut after);
        }
        after.deal_with(self);
    }

    /// The slave still has these tasks of a session that could not be resumed. When it has named
    /// them all, it has forgotten the others.
    pub(crate) fn adopted(&self, ids: impl Iterator<Item = ExecutionId>, last: bool) {
        let mut inner = self.inner();
        let session = inner.sessions;
        ids.for_each(|id| drop(inner.tasks.taken_over(id, session)));
        let forgotten = if last { inner.tasks.take_sent(session - 1) } else { Vec::new() };
        drop(inner);
        self.end_lost(forgotten, "the slave has forgotten the task since the session broke");
    }

    /// The stream is gone. The session may be resumed, and its tasks may be heard of again, until
    /// the window ends.
    pub(crate) fn broke(&self, last_heard: Instant) {
        let mut inner = self.inner();
        inner.up = false;
        if let Some(session) = inner.session.take() {
            let until = self.settings.window().and_then(|window| last_heard.checked_add(window));
            inner.tasks.session_broke(session.generation, until);
            inner.detach();
            if session.ticket.is_none() || inner.is_full() {
                inner.abandon();
                inner.goodbyes.clear();
            } else {
                inner.session = Some(session);
            }
        }
        drop(inner);
        self.change(Change::Broken);
    }

    /// Nothing in the session can be trusted any more: it is not resumed.
    pub(crate) fn spoil(&self) {
        if let Some(session) = &mut self.inner().session {
            session.ticket = None;
        }
    }

    /// Ends the tasks whose window is over.
    pub(super) fn end_overdue(&self, now: Instant) {
        let overdue = {
            let mut inner = self.inner();
            let overdue = inner.tasks.take_overdue(now);
            overdue.iter().for_each(|cell| inner.late.add(cell.id));
            if !overdue.is_empty() {
                // What is lost by now must not begin when the slave comes back after all.
                let lost: HashSet<_> = overdue.iter().map(|cell| cell.id).collect();
                inner.withdraw(|id| lost.contains(&id));
            }
            overdue
        };
        self.end_lost(overdue, "contact with the slave was lost for longer than the resume window");
    }

    fn end_lost(&self, cells: Vec<SharedCell>, why: &str) {
        let mut after = Aftermath::default();
        for cell in cells {
            let outcome = Outcome::lost(format!("{}: {why}", self.name), Ran::Unknown);
            Cell::ended(&cell, outcome.into(), &mut after);
        }
        after.deal_with(self);
    }

    /// Whether anybody wants the verdict of a task.
    pub(crate) fn is_wanted(&self, id: ExecutionId) -> bool {
        let inner = self.inner();
        inner.tasks.get(id).is_some() || inner.late.contains(id)
    }

    /// Whether a verdict comes for a task that ended LOST before; true once.
    pub(crate) fn is_late(&self, id: ExecutionId) -> bool {
        self.inner().late.take(id)
    }

    pub(crate) fn find(&self, id: ExecutionId) -> Option<SharedCell> {
        self.inner().tasks.get(id)
    }

    /// The slave has the task in this session; it is not lost with the one it was sent in.
    pub(crate) fn accepted(&self, id: ExecutionId) -> Option<SharedCell> {
        let mut inner = self.inner();
        let session = inner.sessions;
        inner.tasks.accepted(id, session)
    }

    /// Takes a task out that has ended, if it is in flight.
    pub(crate) fn take(&self, id: ExecutionId) -> Option<SharedCell> {
        let mut inner = self.inner();
        let (inner, line) = inner.parts();
        inner.take(id, line)
    }

    /// As [`Self::take`], for tasks that have ended together.
    pub(crate) fn take_all(
        &self,
        ids: impl Iterator<Item = ExecutionId>,
        taken: &mut Vec<Option<SharedCell>>,
    ) {
        let mut inner = self.inner();
        let (inner, line) = inner.parts();
        taken.extend(ids.map(|id| inner.take(id, line)));
    }

    /// The slave says that a task never ran. That is true of a start of this session; one of a
    /// session that broke may have run, and have been forgotten since.
    pub(crate) fn never_ran(&self, id: ExecutionId, answer: Answer) {
        let found = {
            let mut inner = self.inner();
            let session = inner.sessions;
            inner.tasks.remove_sent_in(id, session)
        };
        let Some((cell, is_of_session)) = found else {
            return tracing::debug!(task.id = %id, "an answer for a task that is not in flight");
        };
        let mut after = Aftermath::default();
        if !is_of_session || !Cell::not_started(&cell, answer, &mut after) {
            self.end_lost(vec![cell], "the slave has forgotten the task since the session broke");
        }
        after.deal_with(self);
    }

    /// The last dial failed; for the errors of starts that wait.
    pub(crate) fn dial_failed(&self, error: &ConnectError) {
        self.inner().last_dial = Some(error.clone());
    }

    pub(crate) fn last_dial(&self) -> Option<ConnectError> {
        self.inner().last_dial.clone()
    }

    pub(crate) fn functions_changed(&self, functions: Catalogue) {
        if let Some(slave) = &mut self.inner().slave {
            slave.functions = functions;
        }
    }

    pub(crate) fn goodbye_answered(&self, answer: GoodbyeAnswer) {
        let mut inner = self.inner();
        let goodbyes = std::mem::take(&mut inner.goodbyes);
        inner.farewell = answer.is_ok().then(|| answer.clone());
        drop(inner);
        for asked in goodbyes {
            // Whoever asked may have stopped waiting.
            let _ = asked.send(answer.clone());
        }
    }

    /// Nobody reads any more what the session has left to say: it goes, as handles may stay for long.
    pub(crate) fn abandon(&self) {
        self.inner().abandon();
    }

    /// The connection has ended for good. First nothing new gets in, then its name is free, then
    /// what is in ends: any other order would lose a start, or refuse one that tries again. The
    /// view comes last: whoever waits for the end finds all of that done.
    pub(crate) fn ended(self: &Arc<Self>, why: Option<ConnectError>) {
        let change = if why.is_some() { Change::GivenUp } else { Change::Closed };
        let mut inner = self.inner();
        inner.why_gone = why;
        inner.gone = true;
        inner.session = None;
        if std::mem::take(&mut inner.up) {
            inner.close();
        } else {
            inner.abandon();
        }
        inner.goodbyes.clear();
        let waiting = inner.tasks.take_waiting();
        let sent = inner.tasks.take_sent(Generation::MAX);
        drop(inner);
        self.master.forget(self);
        let mut after = Aftermath::default();
        for cell in waiting {
            Cell::not_started(&cell, Answer::NotSent, &mut after);
        }
        after.deal_with(self);
        self.end_lost(sent, "the connection was closed");
        self.change(change);
    }
}

impl Inner {
    #[inline(always)]
    fn take(&mut self, id: ExecutionId, line: &mut Line<FromMaster>) -> Option<SharedCell> {
        let cell = self.tasks.remove(id)?;
        if cell.sent_data().len() > PART_BYTES {
            // The slave has answered, perhaps without the rest of the data.
            line.give_up_sending(id);
        }
        Some(cell)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use bytes::Bytes;
    use selsyn_common::proto::from_master::Frame;
    use selsyn_common::{BootId, SlaveId};

    use super::*;
    use crate::Master;

    struct Data(#[expect(dead_code, reason = "it is dropped")] Arc<()>);

    impl AsRef<[u8]> for Data {
        fn as_ref(&self) -> &[u8] {
            &[7; 2 * PART_BYTES]
        }
    }

    /// Something large to say, and what tells whether it is kept.
    fn input() -> (Frame, Weak<()>) {
        let kept = Arc::new(());
        let (told, data) = (Arc::downgrade(&kept), Bytes::from_owner(Data(kept)));
        let data = Some(proto::Payload { data, ..proto::Payload::default() });
        (Frame::Input(proto::Input { data, ..proto::Input::default() }), told)
    }

    #[tokio::test]
    async fn what_a_connection_never_said_goes_with_it_while_its_handle_stays() {
        let dial = std::future::pending::<std::io::Result<tokio::net::TcpStream>>;
        let master = Master::new().unwrap();
        let connection = master.connect_with("it", dial).lazy().await.unwrap();
        let welcomed = Welcomed {
            slave_id: SlaveId::from_random([1; 16]),
            boot_id: BootId::from_random([2; 16]),
            functions: Catalogue::new(Vec::new()),
            max_payload_bytes: usize::MAX,
            slots: 1,
            abort_grace: std::time::Duration::ZERO,
            reply: None,
            ticket: None,
            resumed: false,
            received: 0,
        };
        // A session whose stream is away.
        let _end = connection.link().tie(&welcomed).unwrap();
        let (frame, kept) = input();
        connection.link().send(frame);
        assert!(kept.upgrade().is_some());
        connection.detach();
        connection.closed().await;
        assert!(kept.upgrade().is_none());
    }
}
