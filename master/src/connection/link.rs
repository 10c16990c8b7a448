//! What the handles of a connection, its tasks and the network loop share.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selsyn_common::link::outbox::Outbox;
use selsyn_common::proto::{self, FromMaster, from_master::Frame};
use selsyn_common::{ErrorCode, ExecutionId, Payload, Ran, Refusal, SlaveId};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::in_flight::{Generation, InFlight};
use super::state::{Change, ConnectionState};
use crate::cell::{Answer, Cell};
use crate::config::Settings;
use crate::dispatch::{Outgoing, Welcomed};
use crate::error::ConnectError;
use crate::hooks::Hooks;
use crate::master::Shared;

/// One connection.
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) settings: Settings,
    pub(crate) hooks: Hooks,
    pub(crate) master: Arc<Shared>,
    /// Told when the connection shall end without a goodbye.
    pub(crate) stop: CancellationToken,
    inner: Mutex<Inner>,
    view: watch::Sender<ConnectionState>,
    runtime: Handle,
}

struct Inner {
    tasks: InFlight,
    session: Option<Session>,
    sessions: Generation,
    slave: Option<Welcomed>,
    /// Those who wait for the answer to the goodbye that is under way.
    goodbyes: Vec<oneshot::Sender<GoodbyeAnswer>>,
    why_gone: Option<ConnectError>,
    last_dial: Option<ConnectError>,
    /// Nothing new gets in; the view follows when what is in has ended.
    gone: bool,
}

/// An open session, as far as senders need it.
#[derive(Clone)]
struct Session {
    outbox: Outbox<FromMaster>,
    generation: Generation,
    max_payload_bytes: usize,
}

/// Longest name of a function that is sent, in bytes: no slave takes a longer one.
const MAX_FUNCTION_NAME: usize = 512;

/// Characters of a cancel's reason that are sent.
const MAX_REASON: usize = 4_096;

/// What the slave says to a goodbye.
pub(crate) type GoodbyeAnswer = Result<Option<Payload>, Refusal>;

/// Why a start did not even get into the table.
pub(crate) enum NoStart {
    Closed,
    NotConnected(Box<ConnectError>),
    TooManyInFlight,
    Refused(Box<Refusal>),
    TooLarge(usize),
}

impl Link {
    pub(crate) fn new(
        name: String,
        address: String,
        settings: Settings,
        hooks: Hooks,
        master: Arc<Shared>,
    ) -> Self {
        let inner = Inner {
            tasks: InFlight::default(),
            session: None,
            sessions: 0,
            slave: None,
            goodbyes: Vec::new(),
            why_gone: None,
            last_dial: None,
            gone: false,
        };
        Self {
            name,
            address,
            settings,
            hooks,
            master,
            stop: CancellationToken::new(),
            inner: Mutex::new(inner),
            view: watch::Sender::new(ConnectionState::Dialing),
            runtime: Handle::current(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // No user code runs under this lock, and no step leaves it half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Runs code that may block; `None` when the runtime has ended.
    pub(crate) async fn spawn_blocking<T: Send + 'static>(
        &self,
        code: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        self.runtime.spawn_blocking(code).await.ok()
    }
}

/// The view.
impl Link {
    pub(crate) fn state(&self) -> ConnectionState {
        *self.view.borrow()
    }

    pub(crate) fn change(&self, change: Change) {
        self.view.send_if_modified(|state| {
            let next = state.after(change);
            let changed = next != *state;
            if changed {
                tracing::info!(connection = %self.name, "{state} -> {next}");
            }
            *state = next;
            changed
        });
    }

    pub(crate) async fn wait_until(
        &self,
        wanted: impl Fn(ConnectionState) -> bool,
    ) -> ConnectionState {
        let mut view = self.view.subscribe();
        let found = view.wait_for(|state| wanted(*state) || state.is_final()).await;
        *found.expect("the sender lives in self")
    }

    pub(crate) fn why_gone(&self) -> ConnectError {
        let closed = || ConnectError::Closed { name: self.name.clone() };
        self.why_given_up().unwrap_or_else(closed)
    }

    /// Why the connection was given up; `None` when it was not, or was closed.
    pub(crate) fn why_given_up(&self) -> Option<ConnectError> {
        self.inner().why_gone.clone()
    }

    pub(crate) fn slave_id(&self) -> Option<SlaveId> {
        self.inner().slave.as_ref().map(|slave| slave.slave_id)
    }

    pub(crate) fn functions(&self) -> Vec<String> {
        self.inner().slave.as_ref().map(|slave| slave.functions.clone()).unwrap_or_default()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.inner().tasks.len()
    }

    /// Largest payload the slave takes; no limit is known before its first Welcome.
    pub(crate) fn max_payload_bytes(&self) -> usize {
        self.inner().slave.as_ref().map_or(usize::MAX, |slave| slave.max_payload_bytes)
    }

    /// Time the slave may need to abort what runs.
    pub(crate) fn abort_grace(&self) -> Duration {
        self.inner().slave.as_ref().map(|slave| slave.abort_grace).unwrap_or_default()
    }
}

/// Starts and cancels.
impl Link {
    /// Puts a start into the table, then on its way, or in the queue for the next session.
    pub(crate) fn start(&self, cell: &Arc<Cell>, start: Outgoing) -> Result<(), NoStart> {
        let mut inner = self.inner();
        if inner.gone {
            let why = inner.why_gone.clone().map(Box::new);
            return Err(why.map_or(NoStart::Closed, NoStart::NotConnected));
        }
        if self.state() == ConnectionState::Draining {
            let refusal = Refusal::because(ErrorCode::Draining, "the slave is draining");
            return Err(NoStart::Refused(Box::new(refusal)));
        }
        if start.function.len() > MAX_FUNCTION_NAME {
            let bytes = start.function.len();
            let message = format!("there is no function with a name of {bytes} bytes");
            let refusal = Refusal::because(ErrorCode::UnknownFunction, message);
            return Err(NoStart::Refused(Box::new(refusal)));
        }
        if inner.tasks.len() >= self.settings.max_in_flight {
            return Err(NoStart::TooManyInFlight);
        }
        let Some(session) = inner.session.clone() else {
            inner.tasks.add_waiting(Arc::clone(cell), start);
            return Ok(());
        };
        if start.data.len() > session.max_payload_bytes {
            return Err(NoStart::TooLarge(session.max_payload_bytes));
        }
        // The table first: the answer may come before this returns.
        inner.tasks.add_sent(Arc::clone(cell), session.generation);
        drop(inner);
        self.send_in(&session, start.into_frame(cell.id));
        Ok(())
    }

    /// Gives up a start: takes it back if it was not sent, else asks the slave to cancel it. True
    /// when it was not sent. The reason is cut at 4,096 characters.
    pub(crate) fn cancel(&self, id: ExecutionId, reason: &str) -> bool {
        let mut inner = self.inner();
        if inner.tasks.is_waiting(id) {
            let cell = inner.tasks.remove(id);
            drop(inner);
            if let Some(cell) = cell {
                cell.not_started(Answer::NotSent);
            }
            return true;
        }
        let session = inner.session.clone();
        drop(inner);
        if let Some(session) = session {
            let reason = reason.chars().take(MAX_REASON).collect();
            let execution = Some(id.into());
            self.send_in(&session, Frame::Cancel(proto::Cancel { execution, reason }));
        }
        false
    }

    /// The callbacks of a task have returned.
    pub(crate) fn result_taken(&self, id: ExecutionId) {
        self.send(Frame::ResultTaken(proto::ResultTaken { execution: Some(id.into()) }));
    }

    /// Sends a frame in the open session, if there is one.
    pub(crate) fn send(&self, frame: Frame) {
        let session = self.inner().session.clone();
        if let Some(session) = session {
            self.send_in(&session, frame);
        }
    }

    fn send_in(&self, session: &Session, frame: Frame) {
        if let Err(full) =
            session.outbox.send(FromMaster { frame: Some(frame), ..FromMaster::default() })
        {
            // The outbox has closed itself; the loop sees the stream end and dials anew.
            tracing::warn!(connection = %self.name, %full, "the session is cut");
        }
    }

    /// Sends a goodbye, or joins the one that is under way; the receiver is told the answer.
    /// `None` when no session is open.
    pub(crate) fn goodbye(&self, data: Payload) -> Option<oneshot::Receiver<GoodbyeAnswer>> {
        let mut inner = self.inner();
        let session = inner.session.clone()?;
        let (answer, answered) = oneshot::channel();
        let is_first = inner.goodbyes.is_empty();
        inner.goodbyes.push(answer);
        drop(inner);
        if is_first {
            self.send_in(&session, Frame::Goodbye(proto::Goodbye { data: Some(data.into()) }));
        }
        Some(answered)
    }
}

/// What the network loop tells.
impl Link {
    /// A session is open: what waited goes on its way.
    pub(crate) fn opened(&self, outbox: Outbox<FromMaster>, welcomed: Welcomed) {
        let mut inner = self.inner();
        let generation = inner.sessions + 1;
        inner.sessions = generation;
        let max_payload_bytes = welcomed.max_payload_bytes;
        let session = Session { outbox, generation, max_payload_bytes };
        let is_other = inner.slave.as_ref().is_some_and(|slave| slave.boot_id != welcomed.boot_id);
        inner.slave = Some(welcomed);
        inner.last_dial = None;
        inner.session = Some(session.clone());
        let gone = if is_other { inner.tasks.take_sent(generation - 1) } else { Vec::new() };
        drop(inner);
        self.change(Change::Welcomed);
        self.end_lost(gone, "the slave has been restarted and knows nothing of the task");
        self.send_waiting(&session);
    }

    fn send_waiting(&self, session: &Session) {
        loop {
            let next = self.inner().tasks.next_waiting(session.generation);
            let Some((cell, start)) = next else { return };
            if start.data.len() <= session.max_payload_bytes {
                self.send_in(session, start.into_frame(cell.id));
            } else {
                self.inner().tasks.remove(cell.id);
                cell.not_started(Answer::TooLarge(session.max_payload_bytes));
            }
        }
    }

    /// The session is gone; its tasks may be heard of again until the window ends.
    pub(crate) fn broke(&self, last_heard: Instant) {
        let mut inner = self.inner();
        if let Some(session) = inner.session.take() {
            session.outbox.close();
            let until = self.settings.window().and_then(|window| last_heard.checked_add(window));
            inner.tasks.session_broke(session.generation, until);
        }
        inner.goodbyes.clear();
        drop(inner);
        self.change(Change::Broken);
    }

    pub(crate) fn next_end(&self) -> Option<Instant> {
        self.inner().tasks.next_end()
    }

    /// Ends the tasks whose window is over.
    pub(crate) fn end_overdue(&self, now: Instant) {
        let overdue = self.inner().tasks.take_overdue(now);
        self.end_lost(overdue, "contact with the slave was lost for longer than the resume window");
    }

    fn end_lost(&self, cells: Vec<Arc<Cell>>, why: &str) {
        for cell in cells {
            cell.ended(selsyn_common::Outcome::lost(format!("{}: {why}", self.name), Ran::Unknown));
        }
    }

    pub(crate) fn find(&self, id: ExecutionId) -> Option<Arc<Cell>> {
        self.inner().tasks.get(id)
    }

    pub(crate) fn take(&self, id: ExecutionId) -> Option<Arc<Cell>> {
        self.inner().tasks.remove(id)
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
        if !is_of_session || !cell.not_started(answer) {
            self.end_lost(vec![cell], "the slave has forgotten the task since the session broke");
        }
    }

    /// The last dial failed; for the errors of starts that wait.
    pub(crate) fn dial_failed(&self, error: &ConnectError) {
        self.inner().last_dial = Some(error.clone());
    }

    pub(crate) fn last_dial(&self) -> Option<ConnectError> {
        self.inner().last_dial.clone()
    }

    pub(crate) fn functions_changed(&self, functions: Vec<String>) {
        if let Some(slave) = &mut self.inner().slave {
            slave.functions = functions;
        }
    }

    pub(crate) fn goodbye_answered(&self, answer: GoodbyeAnswer) {
        let goodbyes = std::mem::take(&mut self.inner().goodbyes);
        for asked in goodbyes {
            // Whoever asked may have stopped waiting.
            let _ = asked.send(answer.clone());
        }
    }

    /// The connection has ended for good. First nothing new gets in, then its name is free, then
    /// what is in ends: any other order would lose a start, or refuse one that tries again. The
    /// view comes last: whoever waits for the end finds all of that done.
    pub(crate) fn ended(self: &Arc<Self>, why: Option<ConnectError>) {
        let change = if why.is_some() { Change::GivenUp } else { Change::Closed };
        let mut inner = self.inner();
        inner.why_gone = why;
        inner.gone = true;
        if let Some(session) = inner.session.take() {
            session.outbox.close();
        }
        inner.goodbyes.clear();
        let waiting = inner.tasks.take_waiting();
        let sent = inner.tasks.take_sent(Generation::MAX);
        drop(inner);
        self.master.forget(self);
        for cell in waiting {
            cell.not_started(Answer::NotSent);
        }
        self.end_lost(sent, "the connection was closed");
        self.change(change);
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("name", &self.name).finish_non_exhaustive()
    }
}
