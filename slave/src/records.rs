//! What the slave keeps of each execution, from its start until its result is taken.

mod forbidden;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use selsyn_common::proto::{self, from_slave};
use selsyn_common::{ExecutionId, Outcome, Output, OutputContent, Payload, SessionId};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::admission::{Place, Placement};
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
    pub(crate) session: Arc<Session>,
    /// Tells user code that it is asked to stop.
    pub(crate) abort: CancellationToken,
    /// Drops an async function's future; a blocking function does not hear it.
    pub(crate) force: Notify,
    shown: AtomicU64,
    state: Mutex<State>,
    changed: Notify,
}

/// What changes during an execution's life.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) life: Lifecycle,
    /// What it holds of the slave; nothing before admission has spoken.
    pub(crate) place: Option<Place>,
    /// The before_task hook has let it pass.
    pub(crate) accepted: bool,
    pub(crate) accepted_at: Instant,
    pub(crate) began_at: Option<Instant>,
    pub(crate) deadline: Option<Instant>,
    /// User code has returned, or never ran.
    pub(crate) is_left: bool,
    pub(crate) outcome: Option<Outcome>,
}

impl Record {
    pub(crate) fn new(
        request: crate::executor::Request,
        function: Arc<Registered>,
        session: Arc<Session>,
    ) -> Self {
        let now = Instant::now();
        let state = State {
            life: Lifecycle::new(),
            place: None,
            accepted: false,
            accepted_at: now,
            began_at: None,
            deadline: request.deadline.and_then(|left| now.checked_add(left)),
            is_left: false,
            outcome: None,
        };
        Self {
            id: request.id,
            function,
            data: request.data,
            placement: request.placement,
            session,
            abort: CancellationToken::new(),
            force: Notify::new(),
            shown: AtomicU64::new(0),
            state: Mutex::new(state),
            changed: Notify::new(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // No user code runs under this lock, and no step leaves it half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells those who wait in [`Record::until`] to look again.
    pub(crate) fn notify(&self) {
        self.changed.notify_waiters();
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

    /// Takes a slot that became free; false when it needs none any more.
    pub(crate) fn take_slot(&self, slot: Place) -> bool {
        let mut state = self.state();
        if !state.is_left {
            state.place = Some(slot);
        }
        !state.is_left
    }

    /// Sends something the function shows; never waits, may be dropped when the master is slow.
    pub(crate) fn show(&self, content: OutputContent) {
        let seq = self.shown.fetch_add(1, Ordering::Relaxed) + 1;
        let output = Output { seq, content };
        self.session.send(from_slave::Frame::Output(proto::ExecutionOutput {
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
        let named = &request.function;
        let same_function =
            *named == self.function.name || (named.is_empty() && self.function.is_default());
        same_function && request.placement == self.placement && request.data == self.data
    }
}

/// The table of executions. It hands out clones, never guards.
#[derive(Debug, Default)]
pub(crate) struct Records(DashMap<ExecutionId, Arc<Record>>);

impl Records {
    /// Adds a record; gives back the one that has its id already.
    pub(crate) fn add(&self, record: &Arc<Record>) -> Result<(), Arc<Record>> {
        match self.0.entry(record.id) {
            Entry::Occupied(present) => Err(Arc::clone(present.get())),
            Entry::Vacant(vacant) => {
                vacant.insert(Arc::clone(record));
                Ok(())
            }
        }
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<Arc<Record>> {
        self.0.get(&id).map(|record| Arc::clone(&record))
    }

    pub(crate) fn forget(&self, id: ExecutionId) {
        self.0.remove(&id);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        self.0.iter().map(|record| Arc::clone(&record)).collect()
    }

    pub(crate) fn of_session(&self, session: SessionId) -> Vec<Arc<Record>> {
        let mine = self.0.iter().filter(|record| record.session.id == session);
        mine.map(|record| Arc::clone(&record)).collect()
    }
}
