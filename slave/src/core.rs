//! What all rooms of one slave share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selsyn_common::proto::{self, from_slave::Frame};
use selsyn_common::{BootId, ErrorCode, ExecutionId, MasterId, Refusal, SlaveId};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admission::Admission;
use crate::config::Settings;
use crate::execution::InputRoom;
use crate::executor::Epoch;
use crate::hooks::{Hooks, Said};
use crate::incoming_bytes::IncomingBytes;
use crate::logview::Links;
use crate::records::{
    ForbiddenIds, Freed, Logs, Record, RecordRef, Records, Retention, Spares, TakenResults,
};
use crate::registry::Registry;
use crate::session::{DetachedSessions, Session, Sessions};

/// One slave's tables, settings and identity.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) slave_id: SlaveId,
    pub(crate) boot_id: BootId,
    pub(crate) epoch: Epoch,
    pub(crate) settings: Settings,
    pub(crate) hooks: Hooks,
    pub(crate) registry: Registry,
    pub(crate) records: Arc<Records>,
    pub(crate) logs: Arc<Logs>,
    /// The addresses at which people look at executions.
    pub(crate) links: Arc<Links>,
    retention: Mutex<Retention>,
    pub(crate) detached: DetachedSessions,
    pub(crate) sessions: Sessions,
    pub(crate) incoming: IncomingBytes,
    pub(crate) inputs: InputRoom,
    /// Told when it takes no new work.
    pub(crate) draining: CancellationToken,
    /// Told when the slave has stopped: nothing waits for masters any more.
    pub(crate) stopped: CancellationToken,
    admission: Mutex<Admission>,
    /// Told when one who closes the environment is done.
    pub(crate) closed: Notify,
    forbidden: ForbiddenIds,
    /// Where user code runs.
    functions: Handle,
    /// Where the slave itself runs.
    host: Handle,
    tracker: TaskTracker,
}

impl Core {
    pub(crate) fn new(
        settings: Settings,
        hooks: Hooks,
        registry: Registry,
        functions: Handle,
        host: Handle,
        (slave_id, boot_id): (SlaveId, BootId),
    ) -> Self {
        let (epoch, records) = (Epoch::begin(), Arc::<Records>::default());
        Self {
            slave_id,
            boot_id,
            epoch,
            admission: Mutex::new(Admission::new(settings.admission, settings.max_payload_bytes)),
            closed: Notify::new(),
            forbidden: ForbiddenIds::default(),
            sessions: Sessions::new(
                settings.max_sessions,
                settings.admission.exclusive.then_some(settings.heartbeat_tolerance),
            ),
            incoming: IncomingBytes::new(settings.admission.queue_bytes),
            inputs: InputRoom::new(settings.input_bytes),
            draining: CancellationToken::new(),
            stopped: CancellationToken::new(),
            logs: Arc::new(Logs::new(settings.log, epoch, Arc::downgrade(&records))),
            records,
            links: Arc::clone(&registry.executor().links),
            retention: Mutex::new(Retention::new(settings.retention)),
            detached: DetachedSessions::default(),
            settings,
            hooks,
            registry,
            functions,
            host,
            tracker: TaskTracker::new(),
        }
    }

    pub(crate) fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells admission how many masters are connected. One lock after the other: a session is
    /// looked for where its table is locked, and admission where a session is.
    pub(crate) fn count_owners(&self) {
        let owners = self.sessions.owners();
        self.admission().set_owners(owners);
    }

    pub(crate) fn forbid(&self, owner: MasterId, id: ExecutionId) {
        self.forbidden.add((owner, id), Instant::now());
    }

    #[inline]
    pub(crate) fn is_forbidden(&self, owner: MasterId, id: ExecutionId) -> bool {
        self.forbidden.contains((owner, id))
    }

    /// This session's master has taken these results.
    pub(crate) fn taken(
        &self,
        ids: impl Iterator<Item = ExecutionId>,
        session: &Arc<Session>,
        spares: &mut Spares,
    ) {
        let TakenResults { freed, stay } = self.records.taken(ids, session, spares);
        self.freed(freed);
        if !stay.is_empty() {
            let gone = self.retain(stay.iter().map(|record| &**record));
            spares.put_late(gone, session);
        }
    }

    /// Nobody can come back for the result of an execution that has ended: it is kept for those who
    /// want to look at it, but not for ever.
    pub(crate) fn retire(&self, record: &Record) {
        let taken = record.state().take_result();
        let Some((bytes, heir, _)) = taken else { return };
        heir.as_ref().unwrap_or(&record.origin).forget(1);
        self.freed(Freed { results: 1, bytes });
        self.retain(std::iter::once(record));
    }

    /// Lets go of what is kept no more.
    pub(crate) fn sweep(&self) {
        self.retain(std::iter::empty());
    }

    /// Keeps executions for a while; gives those that are kept no more.
    fn retain<'a>(&self, records: impl Iterator<Item = &'a Record>) -> Vec<RecordRef> {
        let now = self.epoch.now();
        let mut retention = self.retention.lock().unwrap_or_else(PoisonError::into_inner);
        for record in records {
            retention.keep(record.id, record.bytes(), now);
        }
        let gone: Vec<_> = std::iter::from_fn(|| retention.next_to_go(now)).collect();
        drop(retention);
        gone.into_iter().filter_map(|id| self.records.expire(id)).collect()
    }

    /// Removes an execution that was not accepted.
    pub(crate) fn forget(&self, id: ExecutionId) {
        self.freed(self.records.forget(id));
    }

    /// Counts results no more that are not kept any more.
    pub(crate) fn freed(&self, freed: Freed) {
        let Freed { results, bytes } = freed;
        if results > 0 {
            self.admission().freed(results, bytes);
        }
    }

    pub(crate) fn check_payload(&self, bytes: usize) -> Result<(), Refusal> {
        let limit = self.settings.max_payload_bytes;
        if bytes <= limit {
            return Ok(());
        }
        let message = format!("the data has {bytes} bytes; the slave takes {limit}");
        Err(Refusal::because(ErrorCode::PayloadTooLarge, message))
    }

    /// Where user code runs.
    pub(crate) const fn functions(&self) -> &Handle {
        &self.functions
    }

    /// Where the slave itself runs.
    pub(crate) const fn host(&self) -> &Handle {
        &self.host
    }

    /// Spawns a task of the slave itself; shutdown waits for it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn_on(task, &self.host);
    }

    /// Spawns user code that yields. Shutdown stops it by the ladder, and waits for no stuck one.
    pub(crate) fn spawn_function(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.functions.spawn(task);
    }

    /// Runs user code that blocks.
    pub(crate) fn spawn_blocking_function(&self, code: impl FnOnce() + Send + 'static) {
        self.functions.spawn_blocking(code);
    }

    /// Runs a hook on the function runtime and waits for what it says, but not for ever.
    pub(crate) async fn run_hook(
        &self,
        hook: impl Future<Output = Said> + Send + 'static,
        name: &str,
        patience: Duration,
        reason: ErrorCode,
    ) -> Said {
        let late = |_| {
            let message = format!("the {name} hook took longer than {patience:?}");
            Ok(Err(Refusal::because(reason, message)))
        };
        let said = timeout(patience, self.functions.spawn(hook)).await.unwrap_or_else(late);
        let gone = |_| Err(Refusal::because(reason, "the function runtime has ended"));
        said.unwrap_or_else(gone)
    }

    /// Waits until the slave's own tasks have ended.
    pub(crate) async fn join(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }

    pub(crate) fn limits(&self) -> proto::Limits {
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        let Settings { admission, .. } = &self.settings;
        proto::Limits {
            max_payload_bytes: self.settings.max_payload_bytes as u64,
            slots: count(admission.slots),
            blocking_slots: count(admission.blocking_slots),
            queue_tasks: count(admission.queue_tasks),
            queue_bytes: admission.queue_bytes as u64,
            abort_grace_millis: millis(self.settings.abort_grace),
            heartbeat_every_millis: millis(self.settings.heartbeat_every),
        }
    }

    /// Tells every master that the catalogue has changed.
    pub(crate) fn tell_functions(self: &Arc<Self>) {
        let functions = self.registry.list();
        let frame = Frame::FunctionsChanged(proto::FunctionsChanged { functions });
        self.sessions.tell_all(&frame);
    }
}
