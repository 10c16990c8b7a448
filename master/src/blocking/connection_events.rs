//! What a connection looks like over time, as an iterator for whoever wants to watch.

use std::sync::Arc;

use super::InsideRuntime;
use super::carrier::Carrier;
use super::events::Turn;
use crate::connection::ConnectionState;

/// The states of one connection, from the present one to its last. Each `next()` waits for one.
///
/// A watcher that is too slow misses the oldest states, never the newest. In async code it gives
/// [`InsideRuntime`] once, and ends.
///
/// ```no_run
/// # use selsyn_master::blocking::{Connection, InsideRuntime};
/// # fn example(slave: Connection) -> Result<(), InsideRuntime> {
/// for state in slave.events() {
///     println!("{} is {:?}", slave.name(), state?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ConnectionEvents {
    inner: crate::ConnectionEvents,
    turn: Turn,
}

impl ConnectionEvents {
    pub(super) const fn new(inner: crate::ConnectionEvents, carrier: Arc<Carrier>) -> Self {
        Self { inner, turn: Turn::new(carrier, "events().next()") }
    }
}

impl Iterator for ConnectionEvents {
    type Item = Result<ConnectionState, InsideRuntime>;

    fn next(&mut self) -> Option<Self::Item> {
        self.turn.next(self.inner.next())
    }
}
