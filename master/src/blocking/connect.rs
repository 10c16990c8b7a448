//! How a connection is made: a builder that is waited for.

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::Payload;

use super::Connection;
use super::carrier::Carrier;
use crate::config::setting_setters;
use crate::error::{ConnectError, DisconnectError, HookError};
use crate::hooks::hook_setters;

/// A connection that is being asked for, as [`crate::Connect`]. Wait for it; set more of it
/// before.
///
/// By default it dials once. Hooks and settings replace those of the master.
///
/// ```no_run
/// # fn example(master: selsyn_master::blocking::Master) -> Result<(), selsyn_master::ConnectError> {
/// use std::time::Duration;
///
/// let slave = master
///     .connect("trainer-0", "10.0.4.12")
///     .channel("training")
///     .attempts(5)
///     .every(Duration::from_secs(2))
///     .wait()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a connection is made by wait()"]
pub struct Connect {
    pub(super) inner: crate::Connect,
    pub(super) carrier: Arc<Carrier>,
}

impl Connect {
    /// Dials at most so many times in all before it is given up; default 1, and 0 counts as 1. A
    /// connection that was once up is dialled again without limit.
    pub fn attempts(mut self, dials: u32) -> Self {
        self.inner = self.inner.attempts(dials);
        self
    }

    /// Dials until it is up, for as long as that takes.
    pub fn attempts_without_limit(mut self) -> Self {
        self.inner = self.inner.attempts_without_limit();
        self
    }

    /// Pause between two attempts; default 1 s.
    pub fn every(mut self, pause: Duration) -> Self {
        self.inner = self.inner.every(pause);
        self
    }

    /// Gives the connection at once, and dials in the background: starts wait for it.
    pub fn lazy(mut self) -> Self {
        self.inner = self.inner.lazy();
        self
    }

    /// Data for the slave's before_connection hook; default JSON null.
    pub fn data(mut self, data: Payload) -> Self {
        self.inner = self.inner.data(data);
        self
    }

    setting_setters!(inner.settings);

    hook_setters!(inner.hooks);

    /// Dials, and waits until the connection is up; stands where the async form has `.await`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: why there is no connection. [`ConnectError::InsideRuntime`] in async
    /// code.
    pub fn wait(self) -> Result<Connection, ConnectError> {
        let Self { inner, carrier } = self;
        let inner = carrier.wait("Connect::wait()", inner.into_future())??;
        Ok(Connection { inner, carrier })
    }
}
