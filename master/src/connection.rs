//! A master's named tie to one slave: a cheap handle to what `dispatch` drives.

mod events;
pub(crate) mod in_flight;
mod late;
pub(crate) mod link;
mod state;

use std::fmt;
use std::sync::Arc;

use selsyn_common::{IntoPayload, Payload, PayloadError, SlaveId};

use crate::control::Control;
use crate::error::{ConnectError, DisconnectError};
use crate::function_call::{ExecuteFunction, FunctionCalls};
use crate::goodbye;
use crate::task::Task;
use link::Link;

pub use events::ConnectionEvents;
pub(crate) use state::Change as ConnectionChange;
pub use state::ConnectionState;

/// A named, heartbeating tie to one slave. Cheap to clone; all clones are the same connection.
///
/// The master that made it holds it too. When neither it nor any clone is left, the connection
/// detaches: what runs on the slave runs on, and handles of its tasks end LOST.
#[derive(Clone)]
pub struct Connection(Arc<Held>);

/// Detaches when the last handle is dropped.
struct Held {
    link: Arc<Link>,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.link.stop.cancel();
    }
}

impl Connection {
    pub(crate) fn new(link: Arc<Link>) -> Self {
        Self(Arc::new(Held { link }))
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.0.link
    }

    pub(crate) fn is_same(&self, link: &Arc<Link>) -> bool {
        Arc::ptr_eq(&self.0.link, link)
    }

    /// The name the master knows it by.
    pub fn name(&self) -> &str {
        &self.link().name
    }

    /// Where the slave is dialled.
    pub fn address(&self) -> &str {
        &self.link().address
    }

    /// What the connection looks like now: a view, which ends no task by itself.
    pub fn state(&self) -> ConnectionState {
        self.link().state()
    }

    /// Whether a session is open: Connected, Suspect or Draining.
    pub fn is_connected(&self) -> bool {
        self.state().is_up()
    }

    /// Waits until the connection looks as wanted; gives what it looked like then. Also returns
    /// when it is Failed or Closed, since nothing else can come after those.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn wait_until(&self, wanted: impl Fn(ConnectionState) -> bool) -> ConnectionState {
        self.link().wait_until(wanted).await
    }

    /// What the connection looks like from now on: the present state first, then every change
    /// until it is Failed or Closed.
    pub fn events(&self) -> ConnectionEvents {
        self.link().events()
    }

    /// Waits until the connection is up.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when it was given up, with the last attempt's reason.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again; the dialling goes on.
    pub async fn connected(&self) -> Result<(), ConnectError> {
        match self.wait_until(ConnectionState::is_up).await {
            ConnectionState::Failed | ConnectionState::Closed => Err(self.link().why_gone()),
            _ => Ok(()),
        }
    }

    /// Which slave the last Welcome came from; `None` before the first.
    pub fn slave_id(&self) -> Option<SlaveId> {
        self.link().slave_id()
    }

    /// The names of the slave's functions, as it last told them; empty before the first Welcome.
    pub fn functions(&self) -> Vec<String> {
        self.link().functions()
    }

    /// Tasks that were started and have not ended.
    pub fn in_flight(&self) -> usize {
        self.link().in_flight()
    }

    /// Slots of the slave that the tasks in flight here leave free; 0 when it is not up. What
    /// others run there is not known here.
    pub fn free_slots(&self) -> usize {
        let room = if self.is_connected() { self.link().room() } else { 0 };
        usize::try_from(room).unwrap_or(0)
    }

    /// Makes a task of the data; nothing is sent. The data is encoded once, here: anything serde
    /// can serialise as JSON, a [`Payload`] as it is, a `Call`, or a `Prost<M>`.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the data has no JSON form.
    pub fn new_task(&self, data: impl IntoPayload) -> Result<Task, PayloadError> {
        let data = data.into_payload();
        let link = Arc::clone(self.link());
        Ok(Task::new(link, data?))
    }

    /// Looks at, starts and stops executions of this slave, whoever started them: see [`Control`].
    /// It dials the slave beside this connection, at the first call, once for all who ask for it
    /// here, and outlives it.
    pub fn executions(&self) -> Control {
        self.link().control().clone()
    }

    /// Calls functions of this slave in the way of bluesky queueserver: see [`FunctionCalls`].
    pub fn function_calls(&self) -> FunctionCalls {
        self.executions().function_calls()
    }

    /// Begins a call of the function of this name, in the way of bluesky queueserver
    /// (`function_execute`): give it arguments, then execute it.
    pub fn function(&self, name: impl Into<String>) -> ExecuteFunction {
        self.function_calls().function(name)
    }

    /// Ends the connection in good order: asks the slave, which aborts what still runs (reason
    /// `disconnected`); every task has its verdict when this returns.
    ///
    /// # Errors
    ///
    /// [`DisconnectError::Refused`] (504) or [`DisconnectError::Hook`]: the connection lives.
    /// [`DisconnectError::NoGoodbye`]: it is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the goodbye on its way; the connection closes when it is
    /// answered.
    pub async fn disconnect(&self) -> Result<(), DisconnectError> {
        self.disconnect_with(Payload::null()).await
    }

    /// As [`Self::disconnect`], with data for the slave's before_disconnection hook.
    ///
    /// # Errors
    ///
    /// As for [`Self::disconnect`].
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::disconnect`].
    pub async fn disconnect_with(&self, data: Payload) -> Result<(), DisconnectError> {
        goodbye::disconnect(self.link(), data).await
    }

    /// Closes the connection without asking: what runs on the slave runs on, and the handles of
    /// its tasks end LOST.
    pub fn detach(&self) {
        self.link().stop.cancel();
    }

    /// Waits until the connection is Failed or Closed, and every task of it has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn closed(&self) {
        self.wait_until(|_| false).await;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("name", &self.name())
            .field("address", &self.address())
            .field("state", &self.state())
            .finish()
    }
}
