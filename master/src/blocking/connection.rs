//! A master's named tie to one slave.

use std::sync::Arc;

use selsyn_common::{IntoPayload, Payload, PayloadError, SlaveId};

use super::carrier::Carrier;
use super::{
    ConnectionEvents, Control, ExecuteFunction, FunctionCalls, InsideRuntime, RunningTask, Task,
};
use crate::connection::ConnectionState;
use crate::error::{ConnectError, DisconnectError};

/// A named, heartbeating tie to one slave, as [`crate::Connection`]. Cheap to clone; all clones
/// are the same connection.
///
/// The master that made it holds it too. When neither it nor any clone is left, the connection
/// detaches: what runs on the slave runs on, and handles of its tasks end LOST.
#[derive(Clone, Debug)]
pub struct Connection {
    pub(super) inner: crate::Connection,
    pub(super) carrier: Arc<Carrier>,
}

impl Connection {
    /// The name the master knows it by.
    pub fn name(&self) -> &str {
        self.inner.name()
    }

    /// Where the slave is dialled.
    pub fn address(&self) -> &str {
        self.inner.address()
    }

    /// What the connection looks like now: a view, which ends no task by itself.
    pub fn state(&self) -> ConnectionState {
        self.inner.state()
    }

    /// Whether a session is open: Connected, Suspect or Draining.
    pub fn is_connected(&self) -> bool {
        self.inner.is_connected()
    }

    /// Which slave the last Welcome came from; `None` before the first.
    pub fn slave_id(&self) -> Option<SlaveId> {
        self.inner.slave_id()
    }

    /// The names of the slave's functions, as it last told them; empty before the first Welcome.
    pub fn functions(&self) -> Vec<String> {
        self.inner.functions()
    }

    /// Tasks that were started and have not ended.
    pub fn in_flight(&self) -> usize {
        self.inner.in_flight()
    }

    /// Slots of the slave that the tasks in flight here leave free; 0 when it is not up. What
    /// others run there is not known here.
    pub fn free_slots(&self) -> usize {
        self.inner.free_slots()
    }

    /// Makes a task of the data, as [`crate::Connection::new_task`]; nothing is sent.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the data has no JSON form.
    pub fn new_task(&self, data: impl IntoPayload) -> Result<Task, PayloadError> {
        let inner = self.inner.new_task(data)?;
        Ok(Task { inner, carrier: Arc::clone(&self.carrier) })
    }

    /// Executions of this slave, whoever started them: see [`crate::Connection::executions`].
    pub fn executions(&self) -> Control {
        Control::new(self.inner.executions(), Arc::clone(&self.carrier))
    }

    /// Functions of this slave in the way of bluesky queueserver.
    pub fn function_calls(&self) -> FunctionCalls {
        FunctionCalls::new(self.inner.function_calls(), Arc::clone(&self.carrier))
    }

    /// Begins a call of the function of this name: see [`crate::Connection::function`].
    pub fn function(&self, name: impl Into<String>) -> ExecuteFunction {
        self.function_calls().function(name)
    }

    /// Makes a task of the async names one that can be joined here:
    /// [`StartError::Unknown`](crate::StartError::Unknown) carries such a one.
    pub fn take_up(&self, running: crate::RunningTask) -> RunningTask {
        RunningTask { inner: running, carrier: Arc::clone(&self.carrier) }
    }

    /// Waits until the connection looks as wanted; gives what it looked like then. Also returns
    /// when it is Failed or Closed, since nothing else can come after those.
    ///
    /// # Errors
    ///
    /// [`InsideRuntime`] in async code.
    pub fn wait_until(
        &self,
        wanted: impl Fn(ConnectionState) -> bool,
    ) -> Result<ConnectionState, InsideRuntime> {
        self.carrier.wait("wait_until()", self.inner.wait_until(wanted))
    }

    /// What the connection looks like from now on: the present state first, then every change
    /// until it is Failed or Closed.
    pub fn events(&self) -> ConnectionEvents {
        ConnectionEvents::new(self.inner.events(), Arc::clone(&self.carrier))
    }

    /// Waits until the connection is up.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when it was given up, with the last attempt's reason;
    /// [`ConnectError::InsideRuntime`] in async code.
    pub fn connected(&self) -> Result<(), ConnectError> {
        self.carrier.wait("connected()", self.inner.connected())?
    }

    /// Ends the connection in good order: asks the slave, which aborts what still runs (reason
    /// `disconnected`); every task has its verdict when this returns.
    ///
    /// # Errors
    ///
    /// [`DisconnectError::Refused`] (504) or [`DisconnectError::Hook`]: the connection lives, as
    /// it does after [`DisconnectError::InsideRuntime`].
    /// [`DisconnectError::NoGoodbye`]: it is closed all the same.
    pub fn disconnect(&self) -> Result<(), DisconnectError> {
        self.disconnect_with(Payload::null())
    }

    /// As [`Self::disconnect`], with data for the slave's before_disconnection hook.
    ///
    /// # Errors
    ///
    /// As for [`Self::disconnect`].
    pub fn disconnect_with(&self, data: Payload) -> Result<(), DisconnectError> {
        self.carrier.wait("disconnect()", self.inner.disconnect_with(data))?
    }

    /// Closes the connection without asking, and returns at once: what runs on the slave runs on,
    /// and the handles of its tasks end LOST.
    pub fn detach(&self) {
        self.inner.detach();
    }

    /// Waits until the connection is Failed or Closed, and every task of it has ended.
    ///
    /// # Errors
    ///
    /// [`InsideRuntime`] in async code.
    pub fn closed(&self) -> Result<(), InsideRuntime> {
        self.carrier.wait("closed()", self.inner.closed())
    }
}
