//! What the handles of a connection, its tasks and the network loop share.

mod due;
mod starts;
mod taken;
mod told;

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use selsyn_common::link::outbox::{self, Locked, Outbox};
use selsyn_common::proto::FromMaster;
use selsyn_common::{BootId, Payload, Refusal, SlaveId, TaskId};
use tokio::runtime::Handle;
use tokio::sync::{Notify, broadcast, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::events::{self, ConnectionEvents};
use super::in_flight::{Generation, InFlight};
use super::late::Late;
use super::state::{Change, ConnectionState};
use crate::config::Settings;
use crate::control::Control;
use crate::dispatch::dial::Dial;
use crate::dispatch::{Ticket, Welcomed};
use crate::error::ConnectError;
use crate::hooks::Hooks;
use crate::master::Shared;
use taken::Taken;

/// One connection.
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) address: String,
    /// How the slave is reached.
    pub(crate) dial: Dial,
    pub(crate) settings: Settings,
    pub(crate) hooks: Hooks,
    pub(crate) master: Arc<Shared>,
    /// Dials beside the connection, once somebody asks.
    control: OnceLock<Control>,
    /// Told when the connection shall end without a goodbye.
    pub(crate) stop: CancellationToken,
    /// The end of its session and all else that changes, under one lock: a start needs both.
    inner: Outbox<FromMaster, Inner>,
    /// Told when something is over sooner than the loop was to look.
    sooner: Notify,
    /// The view is Connected: then a frame that is heard changes nothing.
    is_calm: AtomicBool,
    view: watch::Sender<ConnectionState>,
    /// Made once somebody watches: its room is as much as a tenth of a connection's.
    views: OnceLock<broadcast::Sender<ConnectionState>>,
    runtime: Handle,
}

/// One stream's hold on the session of a connection.
pub(crate) type StreamEnd = outbox::StreamEnd<FromMaster, Inner>;

/// A connection that nobody else changes for now; reads as what changes.
pub(crate) type Held<'a> = Locked<'a, FromMaster, Inner>;

/// What changes of a connection, beside what its session has to say.
pub(crate) struct Inner {
    tasks: InFlight,
    taken: Taken,
    /// The session, which outlives its streams.
    session: Option<Session>,
    /// A stream is tied to the session.
    up: bool,
    sessions: Generation,
    /// Tasks that ended LOST, whose verdicts may come after all.
    late: Late,
    slave: Option<Welcomed>,
    /// Those who wait for the answer to the goodbye that is under way.
    goodbyes: Vec<oneshot::Sender<GoodbyeAnswer>>,
    /// The slave has accepted the goodbye: its answer, for those who come too late to ask.
    farewell: Option<GoodbyeAnswer>,
    /// The after_disconnect hook was told, or is about to be.
    farewell_told: bool,
    why_gone: Option<ConnectError>,
    last_dial: Option<ConnectError>,
    /// Nothing new gets in; the view follows when what is in has ended.
    gone: bool,
}

/// A session, as far as senders need it.
struct Session {
    generation: Generation,
    max_payload_bytes: usize,
    /// What the slave gave along to resume it with; `None` when it cannot be resumed.
    ticket: Option<Ticket>,
}

/// What the slave says to a goodbye.
pub(crate) type GoodbyeAnswer = Result<Option<Payload>, Refusal>;

impl Link {
    pub(crate) fn new(
        name: String,
        (address, dial): (String, Dial),
        settings: Settings,
        hooks: Hooks,
        master: Arc<Shared>,
        runtime: Handle,
    ) -> Self {
        let inner = Inner {
            tasks: InFlight::default(),
            taken: Taken::default(),
            session: None,
            up: false,
            sessions: 0,
            late: Late::default(),
            slave: None,
            goodbyes: Vec::new(),
            farewell: None,
            farewell_told: false,
            why_gone: None,
            last_dial: None,
            gone: false,
        };
        let max_frames = told::max_frames(&settings);
        Self {
            name,
            address,
            dial,
            settings,
            hooks,
            master,
            control: OnceLock::new(),
            stop: CancellationToken::new(),
            inner: Outbox::with(max_frames, || Instant::now().into_std(), inner),
            sooner: Notify::new(),
            is_calm: AtomicBool::new(false),
            view: watch::Sender::new(ConnectionState::Dialing),
            views: OnceLock::new(),
            runtime,
        }
    }

    #[inline]
    fn inner(&self) -> Held<'_> {
        self.inner.lock()
    }

    /// Executions of the slave, looked at beside the connection.
    pub(crate) fn control(&self) -> &Control {
        self.control.get_or_init(|| {
            let (address, dial) = (self.address.clone(), Arc::clone(&self.dial));
            Control::new(address, dial, &self.settings, Arc::clone(&self.master))
        })
    }

    pub(crate) fn next_task_id(&self) -> TaskId {
        self.master.next_task_id(self.is_calm())
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }
}

/// The view.
impl Link {
    pub(crate) fn state(&self) -> ConnectionState {
        *self.view.borrow()
    }

    /// Whether the view is Connected, without a lock.
    fn is_calm(&self) -> bool {
        self.is_calm.load(Ordering::Relaxed)
    }

    pub(crate) fn change(&self, change: Change) {
        if change == Change::Heard && self.is_calm() {
            return;
        }
        self.view.send_if_modified(|state| {
            let next = state.after(change);
            let changed = next != *state;
            if changed {
                tracing::info!(connection = %self.name, "{state} -> {next}");
            }
            *state = next;
            self.is_calm.store(next == ConnectionState::Connected, Ordering::Relaxed);
            if changed {
                // From now on ids may be labelled with it, until the next beat.
                self.master.read_clock();
                if let Some(views) = self.views.get() {
                    // Nobody may be watching any more: then there is nobody to tell.
                    let _ = views.send(next);
                }
            }
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

    /// The states from now on, beginning with the present one.
    pub(crate) fn events(&self) -> ConnectionEvents {
        // Held while subscribing, so that no change falls in between.
        let now = self.view.borrow();
        let views = self.views.get_or_init(|| broadcast::Sender::new(events::CAPACITY));
        ConnectionEvents::new(*now, views.subscribe())
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

    pub(crate) fn boot_id(&self) -> Option<BootId> {
        self.inner().slave.as_ref().map(|slave| slave.boot_id)
    }

    pub(crate) fn functions(&self) -> Vec<String> {
        self.inner().slave.as_ref().map(|slave| slave.functions.names()).unwrap_or_default()
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.inner().tasks.len()
    }

    /// The slave's slots less the tasks in flight here; below 0 when some wait in its queue.
    pub(crate) fn room(&self) -> isize {
        let inner = self.inner();
        let slots = inner.slave.as_ref().map_or(0, |slave| slave.slots);
        let signed = |count| isize::try_from(count).unwrap_or(isize::MAX);
        signed(slots) - signed(inner.tasks.len())
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

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("name", &self.name).finish_non_exhaustive()
    }
}
