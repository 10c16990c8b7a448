//! What the slave keeps of each execution, from its start until its result is taken.

mod forbidden;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use dashmap::DashMap;
use selsyn_common::proto::{self, from_slave};
use selsyn_common::{
    ErrorCode, ExecutionId, Lineage, Outcome, Output, OutputContent, Payload, Refusal, SessionId,
};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::admission::{AdmissionLimits, Place, Placement};
use crate::config::{QUEUE_PAUSE, Settings};
use crate::lifecycle::Lifecycle;
use crate::registry::Registered;
use crate::session::Session;

pub(crate) use forbidden::Forbidden;

/// One execution.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) id: ExecutionId,
    pub(crate) function: Arc<Registered>,
    pub(crate) data: Payload,
    pub(crate) placement: Placement,
    /// The master's name for the connection it came by.
    pub(crate) connection: String,
    /// The session that hears of it; another one when its master came back too late for this.
    session: RwLock<Arc<Session>>,
    /// Whose child it is, if another execution's function started it.
    pub(crate) lineage: Option<Lineage>,
    /// Tells user code that it is asked to stop.
    pub(crate) abort: CancellationToken,
    /// Drops an async function's future; a blocking function does not hear it.
    pub(crate) force: Notify,
    state: Mutex<State>,
    changed: Notify,
}

/// What changes during an execution's life.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) life: Lifecycle,
    pub(crate) place: Place,
    /// The before_task hook has let it pass.
    pub(crate) accepted: bool,
    pub(crate) accepted_at: Instant,
    pub(crate) began_at: Option<Instant>,
    pub(crate) deadline: Option<Instant>,
    /// User code has returned, or never ran.
    pub(crate) is_left: bool,
    /// Its master has been told what became of it: its session may be closed.
    pub(crate) is_settled: bool,
    /// Outputs shown so far.
    shown: u64,
    pub(crate) outcome: Option<Outcome>,
}

impl Record {
    pub(crate) fn new(
        request: crate::executor::Request,
        function: Arc<Registered>,
        session: Arc<Session>,
        place: Place,
    ) -> Self {
        let now = Instant::now();
        let state = State {
            life: Lifecycle::new(),
            place,
            accepted: false,
            accepted_at: now,
            began_at: None,
            deadline: request.deadline.and_then(|left| now.checked_add(left)),
            is_left: false,
            is_settled: false,
            shown: 0,
            outcome: None,
        };
        Self {
            id: request.id,
            function,
            data: request.data,
            placement: request.placement,
            connection: session.peer.connection.clone(),
            session: RwLock::new(session),
            lineage: request.lineage,
            abort: CancellationToken::new(),
            force: Notify::new(),
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // No user code runs under this lock, and no step leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session that hears of it.
    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Gives it to another session of the same master.
    pub(crate) fn hand_over(&self, session: &Arc<Session>) {
        let mut mine = self.session.write().unwrap_or_else(PoisonError::into_inner);
        session.remembers_one();
        let former = std::mem::replace(&mut *mine, Arc::clone(session));
        former.forgets_one();
    }

    /// Tells those who wait in [`Record::until`] to look again.
    pub(crate) fn notify(&self) {
        self.changed.notify_waiters();
    }

    /// What became of it has been sent: whoever waits to close its session may go on.
    pub(crate) fn settle(&self) {
        self.state().is_settled = true;
        self.notify();
    }

    /// Waits until the state is as wanted.
    pub(crate) async fn until(&self, wanted: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if wanted(&self.state()) {
                return;
            }
            changed.await;
        }
    }

    /// Takes a slot that became free; `None` when it needs none any more, else whether it may
    /// begin: one that was not accepted yet begins when it is. In one step, so that it begins once.
    pub(crate) fn take_slot(&self, slot: Place) -> Option<bool> {
        let mut state = self.state();
        if state.is_left {
            return None;
        }
        state.place = slot;
        Some(state.accepted)
    }

    /// Sends something the function shows; never waits, may be dropped when the master is slow.
    /// What is shown after the end is dropped.
    pub(crate) fn show(&self, content: OutputContent) {
        // Numbered and sent in one step, so that numbers leave in order.
        let mut state = self.state();
        if state.life.is_ended() {
            return;
        }
        state.shown += 1;
        let output = Output { seq: state.shown, content };
        self.session().send(from_slave::Frame::Output(proto::ExecutionOutput {
            execution: Some(self.id.into()),
            output: Some(output.into()),
        }));
    }

    /// Time until its deadline; `None` when it has none.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let deadline = self.state().deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// Whether another start asks for the very same.
    pub(crate) fn is_same_request(&self, request: &crate::executor::Request) -> bool {
        let same_function = request.function.is(&self.function);
        same_function && request.placement == self.placement && request.data == self.data
    }
}

/// Results that may wait at the least, on a slave without a queue: those of a burst of small tasks
/// are told faster than they are taken.
const MIN_UNTAKEN: usize = 100_000;

/// The table of executions. It hands out clones, never guards.
#[derive(Debug)]
pub(crate) struct Records {
    table: DashMap<ExecutionId, Arc<Record>>,
    /// Results that may wait to be taken: as many as tasks may wait for a slot.
    max_untaken: usize,
    /// The same in bytes: as many as the data of tasks that wait, and one of the largest on top,
    /// so that it does not shut out everybody else while it is on its way.
    max_untaken_bytes: usize,
    untaken: AtomicUsize,
    untaken_bytes: AtomicUsize,
}

impl Records {
    pub(crate) fn new(settings: &Settings) -> Self {
        let AdmissionLimits { queue_tasks, queue_bytes, .. } = settings.admission;
        Self {
            table: DashMap::new(),
            max_untaken: queue_tasks.max(MIN_UNTAKEN),
            max_untaken_bytes: queue_bytes.saturating_add(settings.max_payload_bytes),
            untaken: AtomicUsize::new(0),
            untaken_bytes: AtomicUsize::new(0),
        }
    }

    pub(crate) fn add(&self, record: &Arc<Record>) {
        record.session().remembers_one();
        self.table.insert(record.id, Arc::clone(record));
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<Arc<Record>> {
        self.table.get(&id).map(|record| Arc::clone(&record))
    }

    /// Keeps the outcome until it is taken.
    pub(crate) fn keep(&self, record: &Record, outcome: &Outcome) {
        self.untaken.fetch_add(1, Ordering::Relaxed);
        self.untaken_bytes.fetch_add(bytes_of(outcome), Ordering::Relaxed);
        let mut state = record.state();
        state.outcome = Some(outcome.clone());
    }

    pub(crate) fn forget(&self, id: ExecutionId) {
        let Some((_, record)) = self.table.remove(&id) else { return };
        record.session().forgets_one();
        if let Some(outcome) = &record.state().outcome {
            self.untaken.fetch_sub(1, Ordering::Relaxed);
            self.untaken_bytes.fetch_sub(bytes_of(outcome), Ordering::Relaxed);
        }
    }

    /// Refuses more work while too many results wait to be taken.
    pub(crate) fn check_untaken(&self) -> Result<(), Refusal> {
        let count = self.untaken.load(Ordering::Relaxed);
        let bytes = self.untaken_bytes.load(Ordering::Relaxed);
        if count < self.max_untaken && bytes < self.max_untaken_bytes {
            return Ok(());
        }
        let message =
            format!("{count} results ({bytes} bytes) wait for their masters to take them");
        Err(Refusal::because(ErrorCode::QueueFull, message).with_retry_after(QUEUE_PAUSE))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        self.table.iter().map(|record| Arc::clone(&record)).collect()
    }

    pub(crate) fn of_session(&self, session: SessionId) -> Vec<Arc<Record>> {
        let mine = self.table.iter().filter(|record| record.session().id == session);
        mine.map(|record| Arc::clone(&record)).collect()
    }
}

fn bytes_of(outcome: &Outcome) -> usize {
    outcome.value().map_or(0, Payload::len)
}
