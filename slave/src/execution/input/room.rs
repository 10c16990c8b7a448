//! How much room the inputs that wait may take: in one run, and in all of a slave.

use std::sync::{Arc, OnceLock};

use selsyn_common::Payload;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of inputs that may wait in one run: as much as the largest payload of a slave by default.
const MAX_BYTES: usize = 64 << 20;

/// What an input takes beside its data: many empty ones are not nothing.
const BESIDE: usize = 128;

/// An input that takes room until it is taken.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) data: Payload,
    _room: Arc<[OwnedSemaphorePermit; 2]>,
}

/// Room for the inputs of all runs of a slave.
#[derive(Debug)]
pub(crate) struct InputRoom(Bytes);

/// Room for the inputs of one run; made for the first one.
#[derive(Debug, Default)]
pub(super) struct RunRoom(OnceLock<Bytes>);

#[derive(Debug)]
struct Bytes {
    free: Arc<Semaphore>,
    limit: usize,
}

impl InputRoom {
    pub(crate) fn new(limit: usize) -> Self {
        Self(Bytes::new(limit))
    }
}

impl RunRoom {
    /// Takes room for an input, here and in the slave; `None` when there is none.
    pub(super) fn hold(&self, data: Payload, all: &InputRoom) -> Option<Held> {
        let bytes = data.len().saturating_add(BESIDE);
        let here = self.0.get_or_init(|| Bytes::new(MAX_BYTES)).take(bytes)?;
        let there = all.0.take(bytes)?;
        Some(Held { data, _room: Arc::new([here, there]) })
    }
}

impl Bytes {
    fn new(limit: usize) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { free: Arc::new(Semaphore::new(limit)), limit }
    }

    /// One input is always let in where no other waits, however large it is.
    fn take(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = u32::try_from(bytes.min(self.limit)).unwrap_or(u32::MAX);
        Arc::clone(&self.free).try_acquire_many_owned(bytes).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(bytes: usize) -> Payload {
        Payload::bytes(vec![7; bytes])
    }

    #[test]
    fn what_waits_in_one_run_takes_room_from_all_and_gives_it_back_once_all_have_it() {
        let all = InputRoom::new(2 * (BESIDE + 100));
        let (one, other) = (RunRoom::default(), RunRoom::default());
        let held = one.hold(input(150), &all).unwrap();
        let again = held.clone();
        assert!(other.hold(input(100), &all).is_none());
        let _small = other.hold(input(50), &all).unwrap();
        drop(held);
        assert!(other.hold(input(100), &all).is_none());
        drop(again);
        other.hold(input(100), &all).unwrap();
    }

    #[test]
    fn one_that_is_too_large_is_let_in_alone() {
        let all = InputRoom::new(10);
        let run = RunRoom::default();
        let held = run.hold(input(1_000), &all).unwrap();
        assert!(run.hold(input(0), &all).is_none());
        drop(held);
        run.hold(input(0), &all).unwrap();
    }
}
