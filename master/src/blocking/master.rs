//! The asking side: named connections, and the thread that carries them.

use std::io;
use std::sync::Arc;

use selsyn_common::{MasterId, Payload};
use tokio::io::{AsyncRead, AsyncWrite};

use super::carrier::{Carrier, may_wait};
use super::{Connect, Connection, Control, Group, InsideRuntime, MasterError};
use crate::config::setting_setters;
use crate::error::{ConnectError, DisconnectError, HookError, InvalidGroup};
use crate::hooks::hook_setters;
use crate::master::DetachOnDrop;

/// The asking side, in a program without a runtime: a [`crate::Master`] and the thread that
/// carries its connections. Cheap to clone; all clones are the same master.
///
/// ```no_run
/// use selsyn_master::blocking::Master;
///
/// # fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let master = Master::new()?;
/// let slave = master.connect("trainer-0", "10.0.4.12").wait()?;
/// let loss: f64 = slave.new_task(20)?.function("train").start()?.success()?;
/// master.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Master {
    inner: crate::Master,
    /// After the master, which detaches as it goes, in the order of their drops.
    carrier: Arc<Carrier>,
}

impl Master {
    /// Makes a master with the default settings and no hooks, and starts its thread.
    ///
    /// # Errors
    ///
    /// [`MasterError::InsideRuntime`] in async code; [`MasterError::Start`] when the operating
    /// system gives no thread or no random bytes.
    pub fn new() -> Result<Self, MasterError> {
        Self::builder().build()
    }

    /// Begins a master with settings and hooks of its own.
    pub fn builder() -> MasterBuilder {
        MasterBuilder::default()
    }

    /// Connects to a slave under a name that is free; the address is as for
    /// [`crate::Master::connect`]. [Wait](Connect::wait) for it, or set more of it before.
    pub fn connect(&self, name: impl Into<String>, address: impl ToString) -> Connect {
        self.begin(self.inner.connect(name, address))
    }

    /// Connects over byte streams that `dial` makes, as [`crate::Master::connect_with`]; `dial`
    /// runs on the thread that carries the connections.
    pub fn connect_with<F, Fut, IO>(&self, name: impl Into<String>, dial: F) -> Connect
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = io::Result<IO>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        self.begin(self.inner.connect_with(name, dial))
    }

    fn begin(&self, inner: crate::Connect) -> Connect {
        Connect { inner, carrier: Arc::clone(&self.carrier) }
    }

    /// Connects, lends the connection to `f`, and disconnects on every way out: also when `f`
    /// panics, though then without waiting for the goodbye.
    ///
    /// ```no_run
    /// # use selsyn_master::{ConnectError, blocking::Master};
    /// # fn example(master: Master) -> Result<(), Box<dyn std::error::Error>> {
    /// let sum = master.scoped("adder", "10.0.4.12", |slave| -> Result<i64, Box<dyn std::error::Error>> {
    ///     Ok(slave.new_task((2, 3))?.function("add").start()?.success()?)
    /// })??;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when no connection could be made; `f` did not run. That the slave refused
    /// to be disconnected is told to the `on_disconnect_error` hook, and the connection detaches.
    pub fn scoped<T>(
        &self,
        name: impl Into<String>,
        address: impl ToString,
        f: impl FnOnce(Connection) -> T,
    ) -> Result<T, ConnectError> {
        let connection = self.connect(name, address).wait()?;
        let guard = DetachOnDrop(connection.inner.clone());
        let result = f(connection);
        self.carrier.wait("scoped()", async {
            // The error, if any, was told to its hook; what is still open is closed.
            let _ = guard.0.disconnect().await;
            guard.0.detach();
            guard.0.closed().await;
        })?;
        Ok(result)
    }

    /// The connection of this name, while it is being dialled, up or away.
    pub fn get(&self, name: &str) -> Option<Connection> {
        self.inner.get(name).map(|inner| self.handle(inner))
    }

    /// Whether there is a connection of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.inner.contains(name)
    }

    /// All connections, in no order.
    pub fn connections(&self) -> Vec<Connection> {
        self.inner.connections().into_iter().map(|inner| self.handle(inner)).collect()
    }

    fn handle(&self, inner: crate::Connection) -> Connection {
        Connection { inner, carrier: Arc::clone(&self.carrier) }
    }

    /// Executions of a slave, without a session: see [`crate::Master::control`].
    ///
    /// # Errors
    ///
    /// [`ConnectError::Address`] and its like when the address cannot be dialled.
    pub fn control(&self, address: impl ToString) -> Result<Control, ConnectError> {
        Ok(Control::new(self.inner.control(address)?, Arc::clone(&self.carrier)))
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
        let members = self.inner.group(names)?;
        Group::new(members.connections().iter().map(|inner| self.handle(inner.clone())))
    }

    /// Disconnects the connection of this name: see [`Connection::disconnect`].
    ///
    /// # Errors
    ///
    /// [`DisconnectError::UnknownConnection`], or what [`Connection::disconnect`] says.
    pub fn disconnect(&self, name: &str) -> Result<(), DisconnectError> {
        let unknown = || DisconnectError::UnknownConnection { name: name.to_owned() };
        self.get(name).ok_or_else(unknown)?.disconnect_with(Payload::null())
    }

    /// Closes the master: no new connections, every open one is disconnected, all at once; one
    /// whose slave refuses or does not answer is detached.
    ///
    /// # Errors
    ///
    /// [`InsideRuntime`] in async code; the master is untouched.
    pub fn close(&self) -> Result<(), InsideRuntime> {
        self.carrier.wait("close()", self.inner.close())
    }

    /// Whether it was not closed.
    pub fn is_running(&self) -> bool {
        self.inner.is_running()
    }

    /// Which master this is; slaves see it.
    pub fn id(&self) -> MasterId {
        self.inner.id()
    }
}

/// Collects what a master shall be: defaults for its connections, and hooks.
#[derive(Debug, Default)]
#[must_use = "a builder does nothing until it is built"]
pub struct MasterBuilder {
    inner: crate::MasterBuilder,
}

impl MasterBuilder {
    /// Keeps an identity over restarts; default a random one for each master.
    pub fn id(mut self, id: MasterId) -> Self {
        self.inner = self.inner.id(id);
        self
    }

    setting_setters!(inner.settings);

    hook_setters!(inner.hooks);

    /// Makes the master, and starts its thread.
    ///
    /// # Errors
    ///
    /// As for [`Master::new`].
    pub fn build(self) -> Result<Master, MasterError> {
        may_wait("Master::new()")?;
        Ok(Master { inner: self.inner.build()?, carrier: Carrier::start()? })
    }
}
