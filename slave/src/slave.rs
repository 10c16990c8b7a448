//! A slave from its binding to its end.

mod drain;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::SlaveId;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;

use crate::builder::SlaveBuilder;
use crate::core::Core;
use crate::error::{BuildError, ServeError};
use crate::function::IntoFunction;
use crate::server::{self, Taken};

/// The side that does: hosts functions and runs them for masters.
///
/// ```no_run
/// use selsyn_common::Failure;
/// use selsyn_slave::{FunctionExecution, Slave};
///
/// async fn double(_: FunctionExecution, n: i64) -> Result<i64, Failure> {
///     Ok(n * 2)
/// }
///
/// # async fn example(shutdown: impl Future<Output = ()>) -> Result<(), Box<dyn std::error::Error>> {
/// let slave = Slave::builder().function("double", double).bind("127.0.0.1:7236").await?;
/// println!("listening on {}", slave.addr());
/// slave.serve_until(shutdown).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Slave;

impl Slave {
    /// Begins a slave without functions and with the default limits.
    pub fn builder() -> SlaveBuilder {
        SlaveBuilder::default()
    }
}

type Serving = Pin<Box<dyn Future<Output = Result<(), ServeError>> + Send>>;

/// A slave that has its address and serves nobody yet; connections wait in the backlog.
#[must_use = "a bound slave serves nobody until it is told to"]
pub struct BoundSlave {
    pub(crate) core: Arc<Core>,
    address: Option<SocketAddr>,
    stop: Stop,
    serving: Serving,
}

/// The two ways of ending the transport.
#[derive(Clone, Debug, Default)]
struct Stop {
    /// Takes no new connections, and ends when the streams have.
    accept: CancellationToken,
    /// Cuts every connection.
    cut: CancellationToken,
}

impl BoundSlave {
    pub(crate) fn new<S, IO>(core: Core, address: Option<SocketAddr>, connections: S) -> Self
    where
        S: Stream<Item = io::Result<Taken<IO>>> + Send + 'static,
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (core, stop) = (Arc::new(core), Stop::default());
        let (max, first_call) = (core.settings.max_connections, core.settings.first_call_timeout);
        let guarded = server::guard(connections, max, first_call, stop.cut.clone());
        let serving = server::serve(Arc::clone(&core), guarded, stop.accept.clone());
        Self { core, address, stop, serving: Box::pin(serving) }
    }

    /// The address it listens on, with the port that was taken for 0. A slave made by
    /// [`incoming`](SlaveBuilder::incoming) listens nowhere: it has the unspecified address.
    pub fn addr(&self) -> SocketAddr {
        self.address.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// Which slave this is.
    pub fn id(&self) -> SlaveId {
        self.core.slave_id
    }

    /// Serves until `signal` ends, then drains for at most the drain deadline (30 s).
    ///
    /// # Errors
    ///
    /// [`ServeError`] when the transport fails as a whole.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts every connection; what runs is asked to stop.
    pub async fn serve_until(self, signal: impl Future<Output = ()>) -> Result<(), ServeError> {
        let deadline = self.core.settings.drain_deadline;
        let mut handle = self.spawn();
        tokio::select! {
            () = signal => handle.drain(deadline).await,
            served = &mut handle.serving => served_result(served),
        }
    }

    /// Serves in the background, until the handle says otherwise or is dropped.
    pub fn spawn(self) -> SlaveHandle {
        let serving = self.core.host().spawn(self.serving);
        SlaveHandle { core: self.core, address: self.address, stop: self.stop, serving }
    }
}

/// A slave that serves. Dropping the handle cuts every connection and asks what runs to stop.
#[must_use = "dropping the handle stops the slave"]
pub struct SlaveHandle {
    core: Arc<Core>,
    address: Option<SocketAddr>,
    stop: Stop,
    serving: JoinHandle<Result<(), ServeError>>,
}

impl SlaveHandle {
    /// The address it listens on: see [`BoundSlave::addr`].
    pub fn addr(&self) -> SocketAddr {
        self.address.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0)))
    }

    /// Which slave this is.
    pub fn id(&self) -> SlaveId {
        self.core.slave_id
    }

    /// Executions that run now.
    pub fn running(&self) -> usize {
        self.core.admission().running()
    }

    /// Registers a function while serving; every master hears of it.
    ///
    /// # Errors
    ///
    /// [`BuildError`] when the name is taken or cannot be used.
    pub fn add_function<M>(
        &self,
        name: &str,
        function: impl IntoFunction<M>,
    ) -> Result<(), BuildError> {
        self.core.registry.add(name, function.into_function())?;
        self.core.tell_functions();
        Ok(())
    }

    /// Stops in good order: refuses new work, tells the masters, lets what runs finish until
    /// `deadline`, aborts the rest, closes. Ends within the deadline, the abort grace,
    /// the longest time-out of a pre-stop hook and 7 s.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when the transport failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops the slave at once, as dropping the handle does.
    pub async fn drain(mut self, deadline: Duration) -> Result<(), ServeError> {
        drain::drain(&self.core, deadline).await;
        drain::close(&self.core, &self.stop, &mut self.serving).await
    }

    /// Stops without waiting for what runs: it is asked to stop and has the abort grace.
    ///
    /// # Errors
    ///
    /// [`ServeError`] when the transport failed.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::drain`].
    pub async fn shutdown(self) -> Result<(), ServeError> {
        self.drain(Duration::ZERO).await
    }
}

impl Drop for SlaveHandle {
    fn drop(&mut self) {
        self.stop.accept.cancel();
        self.stop.cut.cancel();
        self.core.stopped.cancel();
        drain::abort_all(&self.core);
    }
}

fn served_result(
    served: Result<Result<(), ServeError>, tokio::task::JoinError>,
) -> Result<(), ServeError> {
    served.unwrap_or(Err(ServeError::RuntimeEnded))
}

impl fmt::Debug for BoundSlave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BoundSlave").field("addr", &self.addr()).finish_non_exhaustive()
    }
}

impl fmt::Debug for SlaveHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlaveHandle").field("addr", &self.addr()).finish_non_exhaustive()
    }
}
