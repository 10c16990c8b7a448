//! Whether too many results wait to be taken for more work to be let in.

use selsyn_common::{ErrorCode, Refusal};

use super::AdmissionLimits;
use crate::config::QUEUE_PAUSE;

/// Results that may wait at the least, on a slave without a queue: those of a burst of small tasks
/// are told faster than they are taken.
const MIN_UNTAKEN: usize = 100_000;

/// Counts the results that wait. One that a [lease](super::Lease) has still to count may have been
/// taken: then they are fewer than none for a moment.
#[derive(Debug)]
pub(super) struct Untaken {
    /// As many as tasks may wait for a slot.
    max_results: i64,
    /// As many as the data of tasks that wait, and one of the largest on top, so that it does not
    /// shut out everybody else while it is on its way.
    max_bytes: i64,
    results: i64,
    bytes: i64,
}

impl Untaken {
    pub(super) fn new(limits: AdmissionLimits, max_payload_bytes: usize) -> Self {
        Self {
            max_results: signed(limits.queue_tasks.max(MIN_UNTAKEN)),
            max_bytes: signed(limits.queue_bytes.saturating_add(max_payload_bytes)),
            results: 0,
            bytes: 0,
        }
    }

    pub(super) fn add(&mut self, results: usize, bytes: usize) {
        self.results += signed(results);
        self.bytes += signed(bytes);
    }

    pub(super) fn remove(&mut self, results: usize, bytes: usize) {
        self.results -= signed(results);
        self.bytes -= signed(bytes);
    }

    /// Whether few enough results wait for more work to be let in.
    pub(super) const fn has_room(&self) -> bool {
        self.results < self.max_results && self.bytes < self.max_bytes
    }

    /// Whether so many more results, of so many bytes, are not too many.
    pub(super) fn has_room_for(&self, results: usize, bytes: usize) -> bool {
        let are_few = self.results + signed(results) <= self.max_results;
        are_few && self.bytes + signed(bytes) <= self.max_bytes
    }

    /// Refuses more work while too many results wait.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let Self { results, bytes, .. } = self;
        if self.has_room() {
            return Ok(());
        }
        let message =
            format!("{results} results ({bytes} bytes) wait for their masters to take them");
        Err(Refusal::because(ErrorCode::QueueFull, message).with_retry_after(QUEUE_PAUSE))
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
