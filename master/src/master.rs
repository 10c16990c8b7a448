//! The asking side: named connections, and what they have in common.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use selsyn_common::{Incarnation, MasterId, Payload, TaskId, TaskIds};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;

use crate::config::{Settings, setting_setters};
use crate::connect::{Connect, Target};
use crate::connection::Connection;
use crate::connection::link::Link;
use crate::control::Control;
use crate::dispatch::dial;
use crate::driver::Driver;
use crate::error::{ConnectError, DisconnectError, HookError, InvalidGroup};
use crate::group::Group;
use crate::hooks::{Hooks, hook_setters};

/// The asking side, embedded in a program. Cheap to clone; all clones are the same master.
///
/// ```no_run
/// use selsyn_master::Master;
/// use serde_json::json;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let master = Master::new()?;
/// let slave = master.connect("trainer-0", "http://127.0.0.1:7236").await?;
/// let running = slave
///     .new_task(&json!({"a": 2, "b": 3}))?
///     .function("add")
///     .on_complete(|data, result| println!("{data} -> {result}"))
///     .start()
///     .await?;
/// let sum: i64 = running.success().await?;
/// master.close().await;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Master(Arc<Held>);

/// What only the master's handles hold: dropping the last one detaches what nobody else holds.
struct Held {
    settings: Settings,
    hooks: Hooks,
    shared: Arc<Shared>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shared.connections.clear();
    }
}

/// What a master's connections know of it.
pub(crate) struct Shared {
    pub(crate) id: MasterId,
    pub(crate) incarnation: Incarnation,
    ids: TaskIds,
    /// The wall clock when it was last read.
    clock: AtomicU64,
    connections: DashMap<String, Connection>,
    closed: AtomicBool,
    /// Counts the dials of all connections: a name may be used again.
    dials: AtomicU64,
    /// Runs the connections, if it was asked for; it ends with the last of them.
    driver: Option<Driver>,
}

impl Shared {
    /// Where connections run, and where the code of the program does that they call; `None` where
    /// there is no runtime.
    pub(crate) fn runtimes(&self) -> Option<(Handle, Handle)> {
        let here = Handle::try_current().ok();
        let driver = self.driver.as_ref().map(|driver| driver.handle().clone());
        let loops = driver.or_else(|| here.clone())?;
        Some((loops.clone(), here.unwrap_or(loops)))
    }

    /// The number of the next dial, from 1.
    pub(crate) fn next_dial(&self) -> u64 {
        self.dials.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Makes a task id. Where a slave is `heard` often, its label takes the time of its last beat, or
    /// of the last look at its silence: to read the clock for each task costs as much as all else of an id.
    pub(crate) fn next_task_id(&self, heard: bool) -> TaskId {
        let now = self.clock.load(Ordering::Relaxed);
        self.ids.next(if heard && now > 0 { now } else { self.read_clock() })
    }

    /// Reads the wall clock for the labels of task ids: milliseconds since 1970.
    pub(crate) fn read_clock(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = now.as_secs() * 1_000 + u64::from(now.subsec_millis());
        self.clock.store(now, Ordering::Relaxed);
        now
    }

    /// Gives the name of a connection free, unless another one has it by now.
    pub(crate) fn forget(&self, link: &Arc<Link>) {
        let forgotten = self.connections.remove_if(&link.name, |_, held| held.is_same(link));
        // Dropped here and not under the table's lock: a handle's drop does more than free memory.
        drop(forgotten);
    }

    /// Takes a name, or says that it is taken.
    pub(crate) fn insert(&self, connection: &Connection) -> Result<(), ConnectError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(ConnectError::MasterClosed);
        }
        match self.connections.entry(connection.name().to_owned()) {
            Entry::Occupied(taken) => Err(ConnectError::NameTaken { name: taken.key().clone() }),
            Entry::Vacant(free) => {
                free.insert(connection.clone());
                Ok(())
            }
        }?;
        // `close` may have passed by since the first look.
        if self.closed.load(Ordering::Acquire) {
            self.forget(connection.link());
            return Err(ConnectError::MasterClosed);
        }
        Ok(())
    }
}

impl Master {
    /// Makes a master with the default settings and no hooks.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes for ids.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Begins a master with settings and hooks of its own.
    pub fn builder() -> MasterBuilder {
        MasterBuilder::default()
    }

    /// Connects to a slave under a name that is free. The address is `host:port`,
    /// `http://host:port`, a bare host for port 7236, or a `SocketAddr`. Await it, or set more of it before: see [`Connect`].
    pub fn connect(&self, name: impl Into<String>, address: impl ToString) -> Connect {
        self.begin(name.into(), Target::Address(address.to_string()))
    }

    /// Connects over byte streams that `dial` makes, once for each attempt: pipes, proxies,
    /// simulated networks.
    pub fn connect_with<F, Fut, IO>(&self, name: impl Into<String>, dial: F) -> Connect
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.begin(name.into(), Target::Dial(dial::custom(dial)))
    }

    fn begin(&self, name: String, target: Target) -> Connect {
        let Held { settings, hooks, .. } = &*self.0;
        Connect::new(name, target, settings.clone(), hooks.clone(), self.clone())
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Connects, lends the connection to `f`, and disconnects on every way out: also when `f`
    /// panics or the future is dropped, though then without waiting for the goodbye.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when no connection could be made; `f` did not run. That the slave refused
    /// to be disconnected is told to the `on_disconnect_error` hook, and the connection detaches.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future detaches the connection.
    pub async fn scoped<T>(
        &self,
        name: impl Into<String>,
        address: impl ToString,
        f: impl AsyncFnOnce(Connection) -> T,
    ) -> Result<T, ConnectError> {
        let connection = self.connect(name, address).await?;
        let guard = DetachOnDrop(connection.clone());
        let result = f(connection).await;
        // The error, if any, was told to its hook; the guard closes what is still open.
        let _ = guard.0.disconnect().await;
        guard.0.detach();
        guard.0.closed().await;
        Ok(result)
    }

    /// The connection of this name, while it is being dialled, up or away.
    pub fn get(&self, name: &str) -> Option<Connection> {
        self.0.shared.connections.get(name).map(|held| held.clone())
    }

    /// Whether there is a connection of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.0.shared.connections.contains_key(name)
    }

    /// All connections, in no order.
    pub fn connections(&self) -> Vec<Connection> {
        self.0.shared.connections.iter().map(|held| held.clone()).collect()
    }

    /// Looks at, starts and stops executions of a slave without a session: see [`Control`].
    /// Nothing is dialled before the first call. The address is as for [`connect`](Self::connect),
    /// the token that of this master.
    ///
    /// # Errors
    ///
    /// [`ConnectError::Address`] and its like when the address cannot be dialled.
    pub fn control(&self, address: impl ToString) -> Result<Control, ConnectError> {
        let (address, dial) = Target::Address(address.to_string()).resolve()?;
        Ok(Control::new(address, dial, &self.0.settings, Arc::clone(self.shared())))
    }

    /// Makes a group of connections, by name.
    ///
    /// # Errors
    ///
    /// [`InvalidGroup::UnknownConnection`], or what [`Group::new`] says.
    pub fn group<N: AsRef<str>>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Group, InvalidGroup> {
        let unknown = |name: &str| InvalidGroup::UnknownConnection { name: name.to_owned() };
        let find = |name: N| self.get(name.as_ref()).ok_or_else(|| unknown(name.as_ref()));
        Group::new(names.into_iter().map(find).collect::<Result<Vec<_>, _>>()?)
    }

    /// Disconnects the connection of this name: see [`Connection::disconnect`].
    ///
    /// # Errors
    ///
    /// [`DisconnectError::UnknownConnection`], or what [`Connection::disconnect`] says.
    ///
    /// # Cancel safety
    ///
    /// As for [`Connection::disconnect`].
    pub async fn disconnect(&self, name: &str) -> Result<(), DisconnectError> {
        let unknown = || DisconnectError::UnknownConnection { name: name.to_owned() };
        self.get(name).ok_or_else(unknown)?.disconnect_with(Payload::null()).await
    }

    /// Closes the master: no new connections, every open one is disconnected, all at once; one
    /// whose slave refuses or does not answer is detached.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the goodbyes on their way. Safe to call again.
    pub async fn close(&self) {
        self.0.shared.closed.store(true, Ordering::Release);
        let goodbyes = self.connections().into_iter().map(|connection| async move {
            // The error, if any, was told to its hook.
            let _ = connection.disconnect().await;
            connection.detach();
            connection.closed().await;
        });
        futures_util::future::join_all(goodbyes).await;
    }

    /// Whether it was not closed.
    pub fn is_running(&self) -> bool {
        !self.0.shared.closed.load(Ordering::Acquire)
    }

    /// Which master this is; slaves see it.
    pub fn id(&self) -> MasterId {
        self.0.shared.id
    }
}

/// Closes a connection that was lent, when a panic or a dropped future keeps it from a goodbye.
pub(crate) struct DetachOnDrop(pub(crate) Connection);

impl Drop for DetachOnDrop {
    fn drop(&mut self) {
        self.0.detach();
    }
}

impl fmt::Debug for Master {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Master")
            .field("id", &self.id())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

/// Collects what a master shall be: defaults for its connections, and hooks.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct MasterBuilder {
    pub(crate) settings: Settings,
    pub(crate) hooks: Hooks,
    id: Option<MasterId>,
    has_driver: bool,
}

impl MasterBuilder {
    /// Keeps an identity over restarts; default a random one for each master.
    pub const fn id(mut self, id: MasterId) -> Self {
        self.id = Some(id);
        self
    }

    /// Runs the connections of this master on a thread of their own; default on the runtime that
    /// connects them.
    ///
    /// It pays where the program's own threads are busy: what the slaves say is heard and beats
    /// are answered however long a task of the program holds its thread, and a core that has
    /// nothing else to do reads and writes. It costs a wake-up of another thread for each start
    /// and each end, 20 to 40 µs where that core is idle: leave it out where one task at a time is
    /// to be fast. Async hooks and callbacks of tasks run on the runtime that connects, if there is
    /// one; hooks of connecting run on the thread: they must not block it.
    pub const fn driver_thread(mut self) -> Self {
        self.has_driver = true;
        self
    }

    setting_setters!(settings);

    hook_setters!(hooks);

    /// Makes the master.
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes for ids, or no thread for
    /// [`driver_thread`](Self::driver_thread).
    pub fn build(self) -> io::Result<Master> {
        let mut random = [[0; 16]; 3];
        for bytes in &mut random {
            getrandom::fill(bytes).map_err(io::Error::other)?;
        }
        let [id, incarnation, ids] = random;
        let shared = Arc::new(Shared {
            id: self.id.unwrap_or_else(|| MasterId::from_random(id)),
            incarnation: Incarnation::from_random(incarnation),
            ids: TaskIds::new(ids),
            connections: DashMap::new(),
            closed: AtomicBool::new(false),
            clock: AtomicU64::new(0),
            dials: AtomicU64::new(0),
            driver: self.has_driver.then(|| Driver::start("selsyn-driver")).transpose()?,
        });
        Ok(Master(Arc::new(Held { settings: self.settings, hooks: self.hooks, shared })))
    }
}
