//! How much data may be on its way to the slave in parts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use selsyn_common::{ErrorCode, Refusal};

use crate::config::QUEUE_PAUSE;

/// Counts the bytes that masters have announced and the slave has agreed to take.
#[derive(Debug)]
pub(crate) struct IncomingBytes {
    limit: usize,
    reserved: Arc<AtomicUsize>,
}

/// Room for one payload, until it is whole or given up.
#[derive(Debug)]
pub(crate) struct Reserved {
    bytes: usize,
    of: Arc<AtomicUsize>,
}

impl IncomingBytes {
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, reserved: Arc::default() }
    }

    /// Sets room aside. One payload is always let in, however large the others are.
    pub(crate) fn reserve(&self, bytes: usize) -> Result<Reserved, Refusal> {
        let before = self.reserved.fetch_add(bytes, Ordering::AcqRel);
        let reserved = Reserved { bytes, of: Arc::clone(&self.reserved) };
        if before == 0 || before.saturating_add(bytes) <= self.limit {
            return Ok(reserved);
        }
        let message =
            format!("{before} bytes are on their way to the slave, which takes {}", self.limit);
        Err(Refusal::because(ErrorCode::QueueFull, message).with_retry_after(QUEUE_PAUSE))
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.of.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_and_one_payload_is_always_let_in() {
        let incoming = IncomingBytes::new(100);
        let large = incoming.reserve(1_000).unwrap();
        let refusal = incoming.reserve(1).unwrap_err();
        assert_eq!(refusal.retry_after, Some(QUEUE_PAUSE));
        drop(large);
        let _half = incoming.reserve(50).unwrap();
        incoming.reserve(51).unwrap_err();
        let _rest = incoming.reserve(50).unwrap();
    }
}
