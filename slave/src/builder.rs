//! Puts a slave together: functions, hooks, limits; then binds it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{BootId, IntoPayload, Refusal, SlaveId, Token};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio_stream::{Stream, StreamExt};

use crate::about::Executor;
use crate::config::{OnMasterLost, Settings, listen_address};
use crate::core::Core;
use crate::credentials::CredentialsProvider;
use crate::error::BuildError;
use crate::function::{Function, IntoFunction};
use crate::hooks::{ConnectionRequest, Hooks, Peer, TaskRequest, ask_hook, on_a_thread, tell_hook};
use crate::records::RetentionLimits;
use crate::registry::{DEFAULT_FUNCTION, Registry};
use crate::server::Taken;
use crate::slave::BoundSlave;
use crate::{function_runtime, panics, random, server};

/// Collects what a slave shall be. Made by [`Slave::builder`](crate::Slave::builder).
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is bound"]
pub struct SlaveBuilder {
    settings: Settings,
    hooks: Hooks,
    functions: Vec<(String, Function)>,
    name: String,
    version: String,
    endpoints: BTreeMap<String, String>,
    credentials: Option<Provider>,
    function_runtime: Option<Handle>,
}

/// A provider that shows nothing of itself.
struct Provider(Arc<dyn CredentialsProvider>);

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Provider")
    }
}

/// What functions hear of the slave.
impl SlaveBuilder {
    /// Names the slave to its functions; default empty (CloudPSS: `executorName`).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Tells its functions its version; default empty (CloudPSS: `executorVersion`).
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = version.into();
        self
    }

    /// Tells its functions the address of a service, as `api` or `gql`; a later one of the same
    /// name replaces it (CloudPSS: `apiUrl`, `gqlUrl`). `logview` says where people reach this slave's
    /// pages, as `https://gpu-3.example`, if it is elsewhere than where it is dialled.
    pub fn endpoint(mut self, name: impl Into<String>, address: impl Into<String>) -> Self {
        self.endpoints.insert(name.into(), address.into());
        self
    }

    /// Has functions ask this provider for credentials; default none.
    pub fn credentials(mut self, provider: impl CredentialsProvider) -> Self {
        self.credentials = Some(Provider(Arc::new(provider)));
        self
    }
}

/// Functions.
impl SlaveBuilder {
    /// Registers a function under a name.
    pub fn function<M>(mut self, name: &str, function: impl IntoFunction<M>) -> Self {
        self.functions.push((name.to_owned(), function.into_function()));
        self
    }

    /// Registers the function that a task without a name runs; its own name is
    /// [`DEFAULT_FUNCTION`] (DI-engine: `_process_task`).
    pub fn default_function<M>(self, function: impl IntoFunction<M>) -> Self {
        self.function(DEFAULT_FUNCTION, function)
    }

    /// Runs functions on another runtime than the one all slaves of the process share. Tests
    /// under a paused clock pass their own.
    pub fn function_runtime(mut self, runtime: Handle) -> Self {
        self.function_runtime = Some(runtime);
        self
    }
}

/// Hooks. Each may be sync or async, and runs on the function runtime; one that panics refuses.
///
/// `before_connection` runs after token, channel and version were checked and before the session
/// opens; `before_task` after a place was found and before the task is accepted;
/// `before_disconnection` before anything is stopped; `lost_connection` once, when a session has
/// ended without a goodbye.
impl SlaveBuilder {
    /// Asks before a session opens (DI-engine: `_before_connection`, `ConnectionRefuse`). What it
    /// returns reaches the master's `after_connect`; return `()` for no reply.
    pub fn before_connection<F, R>(self, hook: F) -> Self
    where
        F: Fn(ConnectionRequest) -> Result<R, Refusal> + Send + Sync + 'static,
        R: IntoPayload + Send + 'static,
    {
        self.before_connection_async(on_a_thread(hook))
    }

    /// The async form of [`Self::before_connection`].
    pub fn before_connection_async<F, Fut, R>(mut self, hook: F) -> Self
    where
        F: Fn(ConnectionRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, Refusal>> + Send + 'static,
        R: IntoPayload + 'static,
    {
        self.hooks.before_connection = Some(ask_hook(hook));
        self
    }

    /// Asks before a session is ended by its master (DI-engine: `_before_disconnection`,
    /// `DisconnectionRefuse`). What it returns reaches the master's `after_disconnect`.
    pub fn before_disconnection<F, R>(self, hook: F) -> Self
    where
        F: Fn(ConnectionRequest) -> Result<R, Refusal> + Send + Sync + 'static,
        R: IntoPayload + Send + 'static,
    {
        self.before_disconnection_async(on_a_thread(hook))
    }

    /// The async form of [`Self::before_disconnection`].
    pub fn before_disconnection_async<F, Fut, R>(mut self, hook: F) -> Self
    where
        F: Fn(ConnectionRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, Refusal>> + Send + 'static,
        R: IntoPayload + 'static,
    {
        self.hooks.before_disconnection = Some(ask_hook(hook));
        self
    }

    /// Asks before a task is accepted (DI-engine: `_before_task`, `TaskRefuse`). What it returns
    /// reaches the master's `after_start`.
    pub fn before_task<F, R>(self, hook: F) -> Self
    where
        F: Fn(TaskRequest) -> Result<R, Refusal> + Send + Sync + 'static,
        R: IntoPayload + Send + 'static,
    {
        self.before_task_async(on_a_thread(hook))
    }

    /// The async form of [`Self::before_task`].
    pub fn before_task_async<F, Fut, R>(mut self, hook: F) -> Self
    where
        F: Fn(TaskRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, Refusal>> + Send + 'static,
        R: IntoPayload + 'static,
    {
        self.hooks.before_task = Some(ask_hook(hook));
        self
    }

    /// Tells that a session has ended without a goodbye (DI-engine: `_lost_connection`).
    pub fn lost_connection<F>(self, hook: F) -> Self
    where
        F: Fn(Peer) + Send + Sync + 'static,
    {
        self.lost_connection_async(on_a_thread(hook))
    }

    /// The async form of [`Self::lost_connection`].
    pub fn lost_connection_async<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Peer) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.hooks.lost_connection = Some(tell_hook(hook));
        self
    }
}

/// Settings.
impl SlaveBuilder {
    /// Masters must name the same channel, of 256 bytes at most; default the empty one.
    pub fn channel(mut self, channel: impl Into<String>) -> Self {
        self.settings.channel = channel.into();
        self
    }

    /// Demands this token of every call; default none, and then the slave listens on loopback
    /// addresses only.
    pub fn token(mut self, token: Token) -> Self {
        self.settings.token = Some(token);
        self
    }

    /// Takes DI-engine's exact admission: one connection (501), one task (601), no queue.
    pub const fn exclusive(mut self) -> Self {
        self.settings.admission.exclusive = true;
        self
    }

    /// Executions of async functions that run at once; default 256.
    pub const fn slots(mut self, slots: usize) -> Self {
        self.settings.admission.slots = slots;
        self
    }

    /// Executions of blocking functions that run at once; default the number of cores.
    pub const fn blocking_slots(mut self, slots: usize) -> Self {
        self.settings.admission.blocking_slots = slots;
        self
    }

    /// Tasks, and bytes of their data, that may wait for a slot; default 100,000 and 256 MiB.
    pub const fn queue(mut self, tasks: usize, bytes: usize) -> Self {
        self.settings.admission.queue_tasks = tasks;
        self.settings.admission.queue_bytes = bytes;
        self
    }

    /// Largest data of a task, in bytes; default 64 MiB.
    pub const fn max_payload_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_payload_bytes = bytes;
        self
    }

    /// Sessions that may be open at once; default 512.
    pub const fn max_sessions(mut self, sessions: usize) -> Self {
        self.settings.max_sessions = sessions;
        self
    }

    /// Time between the request to stop and the forced stop; default 5 s; zero means at once.
    pub const fn abort_grace(mut self, grace: Duration) -> Self {
        self.settings.abort_grace = grace;
        self
    }

    /// Pause between two heartbeats; default 3 s. A master that has less patience gets more.
    pub const fn heartbeat_every(mut self, pause: Duration) -> Self {
        self.settings.heartbeat_every = pause;
        self
    }

    /// Silence after which a master's session ends; default 17 s.
    pub const fn heartbeat_tolerance(mut self, silence: Duration) -> Self {
        self.settings.heartbeat_tolerance = silence;
        self
    }

    /// Time in which a stream must say Hello, and in which a hook must answer; default 5 s.
    pub const fn greeting_timeout(mut self, timeout: Duration) -> Self {
        self.settings.greeting_timeout = timeout;
        self
    }

    /// What becomes of a session's executions when its master is gone without a goodbye; default
    /// they finish, and their results wait.
    pub const fn on_master_lost(mut self, policy: OnMasterLost) -> Self {
        self.settings.on_master_lost = policy;
        self
    }

    /// How long results that nobody took wait for their master after its session was closed;
    /// default 15 min. A session whose stream broke is kept no longer than this either.
    pub const fn owner_patience(mut self, patience: Duration) -> Self {
        self.settings.owner_patience = patience;
        self
    }

    /// What is kept of executions that have ended, after their results were taken or nobody can
    /// come back for them: for how long, how many, and how many bytes of their data, results and
    /// logs together. The oldest go first; default 15 min, 10,000 and 64 MiB.
    ///
    /// Nobody is told of what is older. It leaves the memory when anybody asks for an execution, when
    /// another one is kept, and at each beat of a connection: on a slave that nobody is connected to
    /// and nobody asks, it stays until then, within the other two bounds.
    ///
    /// An inline function that showed nothing and ended at once is not kept: it goes with its
    /// result.
    pub const fn retention(mut self, age: Duration, executions: usize, bytes: usize) -> Self {
        self.settings.retention = RetentionLimits { age, records: executions, bytes };
        self
    }

    /// How much of what one execution shows is kept for those who watch: so many events, and so
    /// many bytes. The oldest go first, and a reader is told how many; default 1,000,000 events and
    /// 64 MiB.
    pub const fn execution_log(mut self, events: u64, bytes: usize) -> Self {
        (self.settings.log.events, self.settings.log.bytes) = (events, bytes);
        self
    }

    /// Bytes that the logs of all executions may have together; default 256 MiB. Beyond it the
    /// oldest log loses its oldest events.
    pub const fn all_execution_logs(mut self, bytes: usize) -> Self {
        self.settings.log.total_bytes = bytes;
        self
    }

    /// Bytes of inputs that may wait in all executions together, each with 128 more for itself;
    /// default 256 MiB. Beyond it inputs are refused, or missed; one by itself is always let in.
    pub const fn all_inputs(mut self, bytes: usize) -> Self {
        self.settings.input_bytes = bytes;
        self
    }

    /// Connections that may be open at once, and how many of them from one address; default 512
    /// and 64. Further ones wait in the backlog, or are closed when their address has too many.
    /// Connections given by [`incoming`](Self::incoming) count as of no address.
    pub const fn max_connections(mut self, connections: usize, per_address: usize) -> Self {
        self.settings.max_connections = connections;
        self.settings.max_connections_per_address = per_address;
        self
    }

    /// Time in which a connection must make a first call that is let in; default 10 s.
    pub const fn first_call_timeout(mut self, timeout: Duration) -> Self {
        self.settings.first_call_timeout = timeout;
        self
    }

    /// Time that `serve_until` leaves to what runs once it is told to stop; default 30 s.
    pub const fn drain_deadline(mut self, deadline: Duration) -> Self {
        self.settings.drain_deadline = deadline;
        self
    }
}

/// The last step.
impl SlaveBuilder {
    /// Listens on an address: `host:port`, or a bare host for port 7236. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// [`BuildError`]: two functions of one name, a setting that cannot work, a port in use, an
    /// address that other machines can reach without a token.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves nothing bound.
    pub async fn bind(self, address: &str) -> Result<BoundSlave, BuildError> {
        // Everything below needs a runtime, and says so by a panic.
        Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let address = listen_address(address)?;
        let listener = self.listen(&address).await?;
        let local = listener.local_addr().map_err(|error| BuildError::bind(&address, error))?;
        let per_address = self.settings.max_connections_per_address;
        self.build(Some(local), server::accept(listener, per_address))
    }

    /// Takes connections that come from elsewhere instead of listening: pipes, proxies,
    /// simulated networks. Whoever hands them over answers for who is at their other end.
    ///
    /// # Errors
    ///
    /// [`BuildError`] as for [`Self::bind`], but for what concerns addresses.
    pub fn incoming<S, IO>(self, connections: S) -> Result<BoundSlave, BuildError>
    where
        S: Stream<Item = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let taken = connections.map(|io| io.map(|io| Taken { io, share: None }));
        self.build(None, taken)
    }

    /// Binds, but not beyond this machine without a token: every address a name stands for counts.
    async fn listen(&self, address: &str) -> Result<TcpListener, BuildError> {
        let failed = |error| BuildError::bind(address, error);
        let found: Vec<SocketAddr> =
            tokio::net::lookup_host(address).await.map_err(failed)?.collect();
        if self.settings.token.is_none() && !found.iter().all(|found| is_loopback(*found)) {
            return Err(BuildError::BindWithoutToken { address: address.to_owned() });
        }
        let mut bound = Err(io::ErrorKind::AddrNotAvailable.into());
        for found in found {
            bound = server::listen(found);
            if bound.is_ok() {
                break;
            }
        }
        bound.map_err(failed)
    }

    fn build<S, IO>(
        self,
        address: Option<SocketAddr>,
        connections: S,
    ) -> Result<BoundSlave, BuildError>
    where
        S: Stream<Item = io::Result<Taken<IO>>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.settings.check()?;
        let functions = self.function_runtime.map_or_else(function_runtime::shared, Ok)?;
        let random = || random::bytes().map_err(BuildError::Random);
        let executor = Executor {
            id: SlaveId::from_random(random()?),
            name: self.name,
            version: self.version,
            endpoints: self.endpoints,
            credentials: self.credentials.map(|Provider(provider)| provider),
            listens: address,
            links: Arc::default(),
        };
        let slave_id = executor.id;
        let registry = Registry::new(executor);
        for (name, function) in self.functions {
            registry.add(&name, function)?;
        }
        let host = Handle::try_current().map_err(|_| BuildError::NoRuntime)?;
        let ids = (slave_id, BootId::from_random(random()?));
        panics::listen();
        let core = Core::new(self.settings, self.hooks, registry, functions, host, ids);
        Ok(BoundSlave::new(core, address, connections))
    }
}

fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
