//! How a connection is made: a builder that is awaited.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{Endpoint, Payload};

use crate::config::{Settings, setting_setters};
use crate::connection::Connection;
use crate::connection::link::Link;
use crate::dispatch::dial::{self, Dial};
use crate::dispatch::{Attempts, Dispatch};
use crate::error::{ConnectError, DisconnectError, HookError};
use crate::hooks::{Boxed, Hooks, hook_setters};
use crate::master::Master;

/// Pause between two attempts unless another is set: DI-engine's `request_retry_waiting`.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest name of a connection, in bytes: slaves take no longer one.
const MAX_NAME: usize = 256;

/// Where the slave is.
pub(crate) enum Target {
    Address(String),
    Dial(Dial),
}

/// A connection that is being asked for. Await it; set more of it before.
///
/// By default it dials once. Hooks and settings replace those of the master.
///
/// ```no_run
/// # async fn example(master: selsyn_master::Master) -> Result<(), selsyn_master::ConnectError> {
/// use std::time::Duration;
///
/// let slave = master
///     .connect("trainer-0", "10.0.4.12")
///     .channel("training")
///     .attempts(5)
///     .every(Duration::from_secs(2))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a connection is made when this is awaited"]
pub struct Connect {
    name: String,
    target: Target,
    pub(crate) settings: Settings,
    pub(crate) hooks: Hooks,
    /// Held until the connection is made: a master that is dropped meanwhile ends with it.
    master: Master,
    data: Payload,
    attempts: Attempts,
    lazy: bool,
}

impl Connect {
    pub(crate) fn new(
        name: String,
        target: Target,
        settings: Settings,
        hooks: Hooks,
        master: Master,
    ) -> Self {
        let attempts = Attempts { dials: Some(1), every: PAUSE };
        Self { name, target, settings, hooks, master, data: Payload::null(), attempts, lazy: false }
    }

    /// Dials at most so many times in all before it is given up; default 1, and 0 counts as 1. A
    /// connection that was once up is dialled again without limit.
    pub const fn attempts(mut self, dials: u32) -> Self {
        self.attempts.dials = Some(dials);
        self
    }

    /// Dials until it is up, or dropped.
    pub const fn attempts_without_limit(mut self) -> Self {
        self.attempts.dials = None;
        self
    }

    /// Pause between two attempts; default 1 s.
    pub const fn every(mut self, pause: Duration) -> Self {
        self.attempts.every = pause;
        self
    }

    /// Gives the connection at once, and dials in the background: starts wait for it.
    pub const fn lazy(mut self) -> Self {
        self.lazy = true;
        self
    }

    /// Data for the slave's before_connection hook; default JSON null.
    pub fn data(mut self, data: Payload) -> Self {
        self.data = data;
        self
    }

    setting_setters!(settings);

    hook_setters!(hooks);

    async fn connect(self) -> Result<Connection, ConnectError> {
        let lazy = self.lazy;
        let (connection, _master) = self.begin()?;
        if lazy {
            return Ok(connection);
        }
        // Dropping this future before it is up must leave neither a name nor a dial behind.
        let guard = DetachOnDrop(Some(connection.clone()));
        let up = connection.connected().await;
        guard.disarm();
        up.map(|()| connection)
    }

    fn begin(self) -> Result<(Connection, Master), ConnectError> {
        check_name(&self.name)?;
        self.settings.check()?;
        let shared = self.master.shared();
        let (loops, runtime) = shared.runtimes().ok_or(ConnectError::NoRuntime)?;
        let (address, dial) = self.target.resolve()?;
        let at = (address, Arc::clone(&dial));
        let link = Link::new(self.name, at, self.settings, self.hooks, Arc::clone(shared), runtime);
        let link = Arc::new(link);
        let connection = Connection::new(Arc::clone(&link));
        shared.insert(&connection)?;
        let dispatch = Dispatch::new(Arc::clone(&link), dial, self.data, self.attempts);
        loops.spawn(dispatch.run());
        Ok((connection, self.master))
    }
}

/// A name stands in logs, refusals and tables: it must be there to be seen.
fn check_name(name: &str) -> Result<(), ConnectError> {
    let is_seen = !name.trim().is_empty() && !name.chars().any(char::is_control);
    if is_seen && name.len() <= MAX_NAME {
        return Ok(());
    }
    Err(ConnectError::Name { name: name.chars().take(MAX_NAME).collect() })
}

impl Target {
    pub(crate) fn resolve(self) -> Result<(String, Dial), ConnectError> {
        match self {
            Self::Dial(dial) => Ok(("its own dial".to_owned(), dial)),
            Self::Address(address) => {
                let endpoint: Endpoint = match address.parse() {
                    Ok(endpoint) => endpoint,
                    Err(source) => return Err(ConnectError::Address { address, source }),
                };
                if endpoint.tls() {
                    return Err(ConnectError::Tls { address });
                }
                if !endpoint.path().is_empty() {
                    return Err(ConnectError::Path { address });
                }
                Ok((endpoint.authority(), dial::tcp(&endpoint)))
            }
        }
    }
}

impl IntoFuture for Connect {
    type Output = Result<Connection, ConnectError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.connect())
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").field("name", &self.name).finish_non_exhaustive()
    }
}

struct DetachOnDrop(Option<Connection>);

impl DetachOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for DetachOnDrop {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.detach();
        }
    }
}
