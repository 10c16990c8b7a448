//! What an execution showed and was asked, in order and numbered, as far as it is kept.
//!
//! ```text
//! 1 accepted   2 running   3 … n  outputs, requests to stop   n+1 ended
//! └── known from the record ──┘   └──── kept in a log ────┘   └ known from the record
//! ```
//!
//! So an execution that shows nothing has no log, and the few events of its life cost nothing
//! until somebody asks for them.

mod bytes;
mod read;
mod ring;
mod shown;
mod total;

use std::fmt;
use std::sync::Arc;

use selsyn_common::proto;
use tokio::sync::Notify;

use ring::Ring;

pub(crate) use bytes::EventBytes;
pub(crate) use read::Reading;
pub(crate) use total::{LogLimits, Logs};

/// Number of the first event that a log keeps: those before it are known from the record.
pub(crate) const FIRST: u64 = 3;

/// Keeps events that are numbered from [`FIRST`] on. What drops some drops the oldest. A ring in
/// memory does; a journal can stand in for it.
pub(crate) trait EventLog: fmt::Debug + Send {
    /// Keeps one more event, whose number is [`next`](Self::next).
    fn append(&mut self, event: &proto::Event);

    /// The number of the oldest event that is kept, or of the next one.
    fn first(&self) -> u64;

    /// The number of the next event.
    fn next(&self) -> u64;

    /// How many bytes the events have that are kept.
    fn bytes(&self) -> usize;

    /// Reads events from one that is kept on: at least one, and further ones while they are at
    /// most so many bytes together. Gives the number of the one after them.
    fn read(&self, from: u64, max_bytes: usize, into: &mut EventBytes) -> u64;

    /// Drops the oldest events, until at most so many bytes are kept.
    fn shrink(&mut self, bytes: usize);
}

/// The log of one execution, and those who wait for its next event.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// `None` until something is to be kept.
    events: Option<Box<dyn EventLog>>,
    /// Counts its bytes, once there are some.
    logs: Option<Arc<Logs>>,
    /// It stands in the line of those that are shortened when all together are too large.
    is_in_line: bool,
    bell: Arc<Notify>,
    /// Somebody waits. One ring is enough for all that comes until they look again.
    is_awaited: bool,
}

impl Log {
    /// The number of the next event.
    pub(super) fn next(&self) -> u64 {
        self.events.as_ref().map_or(FIRST, |events| events.next())
    }

    /// How many bytes the events have that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.events.as_ref().map_or(0, |events| events.bytes())
    }

    /// What keeps the events, in the memory that all logs share.
    fn events(&mut self, logs: &Arc<Logs>) -> &mut dyn EventLog {
        self.logs.get_or_insert_with(|| Arc::clone(logs));
        let LogLimits { events, bytes, .. } = logs.limits;
        &mut **self.events.get_or_insert_with(|| Box::new(Ring::new(events, bytes)))
    }

    /// Tells those who wait to look again.
    pub(super) fn ring(&mut self) {
        if std::mem::take(&mut self.is_awaited) {
            self.bell.notify_waiters();
        }
    }

    /// What is rung at the next event.
    pub(super) fn bell(&mut self) -> Arc<Notify> {
        self.is_awaited = true;
        Arc::clone(&self.bell)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(logs) = &self.logs {
            logs.changed(self.bytes(), 0);
        }
    }
}
