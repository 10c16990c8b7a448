//! How large the logs of all executions may be together.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use selsyn_common::ExecutionId;

use crate::executor::Epoch;
use crate::records::{RecordRef, Records};

/// How much is kept of what executions show.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogLimits {
    pub(crate) events: u64,
    pub(crate) bytes: usize,
    pub(crate) total_bytes: usize,
}

/// What all logs of a slave have in common.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) limits: LogLimits,
    epoch: Epoch,
    /// The wall clock at the slave's epoch, in microseconds since 1970: it labels events.
    began: u64,
    used: AtomicUsize,
    /// The executions that have a log, oldest log first.
    line: Mutex<VecDeque<ExecutionId>>,
    /// Where they are found, while they are kept.
    records: Weak<Records>,
}

impl Logs {
    /// The logs of a slave that begins now, of the executions in this table.
    pub(crate) fn new(limits: LogLimits, epoch: Epoch, records: Weak<Records>) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros);
        Self { limits, epoch, began, used: AtomicUsize::new(0), line: Mutex::default(), records }
    }

    /// What the slave counts its time from.
    pub(crate) const fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The label of this moment.
    pub(in crate::records) fn now(&self) -> u64 {
        self.label(self.epoch.now())
    }

    /// The label of one of the slave's times.
    pub(crate) const fn label(&self, time: u64) -> u64 {
        self.began + time
    }

    /// Whether an execution is kept. Holds no handle of it, which may be the last and take user code
    /// with it: who asks may have something locked.
    pub(crate) fn keeps(&self, id: ExecutionId) -> bool {
        self.records.upgrade().is_some_and(|records| records.entry(id).get().is_some())
    }

    /// A log has grown or shrunk; true when all together are too large.
    pub(super) fn changed(&self, before: usize, after: usize) -> bool {
        let used = if after >= before {
            self.used.fetch_add(after - before, Ordering::Relaxed) + (after - before)
        } else {
            self.used.fetch_sub(before - after, Ordering::Relaxed) - (before - after)
        };
        used > self.limits.total_bytes
    }

    /// Puts an execution behind all others that have a log.
    pub(super) fn line_up(&self, id: ExecutionId) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        if line.len() == line.capacity() {
            // Before it grows: those that are gone need no room.
            line.retain(|id| self.keeps(*id));
        }
        line.push_back(id);
    }

    /// Drops the oldest events of the oldest logs, until all together are small enough.
    pub(super) fn shed(&self) {
        // Dropped when nothing is locked any more: user code may go with them.
        let mut seen = Vec::new();
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(over) = self.over() {
            let Some(oldest) = line.front() else { break };
            let oldest = self.find(*oldest);
            if oldest.as_ref().is_none_or(|record| record.shed(self, over)) {
                line.pop_front();
            }
            seen.extend(oldest);
        }
        drop(line);
    }

    /// An execution, while it is kept.
    pub(crate) fn find(&self, id: ExecutionId) -> Option<RecordRef> {
        self.records.upgrade()?.get(id)
    }

    /// By how many bytes all together are too large, if they are.
    fn over(&self) -> Option<usize> {
        let used = self.used.load(Ordering::Relaxed);
        used.checked_sub(self.limits.total_bytes).filter(|over| *over > 0)
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
