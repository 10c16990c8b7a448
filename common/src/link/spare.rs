//! Memory that large payloads leave behind, for the next ones.
//!
//! Fresh memory is what costs most when a large payload arrives: the kernel clears every page of it
//! when it is first touched, and takes all of them back afterwards, which also holds up whatever
//! else the thread has to do. So some of it is kept, for a short while.

use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::line::Clock;

const MIB: usize = 1024 * 1024;

/// Smaller payloads take what the allocator keeps of its own, see [`keep_freed_memory`].
const LEAST: usize = 4 * MIB;

/// Most that a process keeps, in bytes: one payload of the largest size by default.
const MOST: usize = 64 * MIB;

/// And for how long, about: it goes with a beat that arrives after that.
const KEPT: Duration = Duration::from_secs(5);

static SPARE: Mutex<Spare> = Mutex::new(Spare(Vec::new()));

/// Buffers that nobody uses, and since when; a buffer's time begins when time is next looked at,
/// as who drops a payload has no clock.
#[derive(Debug)]
struct Spare(Vec<(Vec<u8>, Option<Instant>)>);

/// A payload, whose memory is spare when it is dropped.
struct Payload(Vec<u8>);

impl Spare {
    /// A buffer that this fits into, without much to spare: what is parked in it was counted by
    /// its size.
    fn take(&mut self, size: usize) -> Option<Vec<u8>> {
        let fits = size..=size.saturating_add(size / 8);
        let at = self.0.iter().position(|(buffer, _)| fits.contains(&buffer.capacity()))?;
        Some(self.0.swap_remove(at).0)
    }

    /// Keeps a buffer; gives those that go for it, longest kept first.
    fn put(&mut self, mut buffer: Vec<u8>) -> Vec<Vec<u8>> {
        buffer.clear();
        self.0.push((buffer, None));
        let mut bytes: usize = self.0.iter().map(|(buffer, _)| buffer.capacity()).sum();
        let too_many = self.0.iter().take_while(|(buffer, _)| {
            let is_one = bytes > MOST;
            bytes -= buffer.capacity();
            is_one
        });
        let too_many = too_many.count();
        self.0.drain(..too_many).map(|(buffer, _)| buffer).collect()
    }

    /// Gives the buffers that were kept for long enough.
    fn age(&mut self, now: Instant) -> Vec<Vec<u8>> {
        let is_old = |(_, since): &mut (Vec<u8>, Option<Instant>)| {
            now.saturating_duration_since(*since.get_or_insert(now)) >= KEPT
        };
        self.0.extract_if(.., is_old).map(|(buffer, _)| buffer).collect()
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        let gone = lock().put(std::mem::take(&mut self.0));
        // After the lock: to give memory back takes long.
        drop(gone);
    }
}

/// Memory for a payload of so many bytes, empty.
pub(super) fn take(size: usize) -> Vec<u8> {
    lock().take(size).unwrap_or_else(|| Vec::with_capacity(size))
}

/// Hands a payload on; its memory comes back when the last hold on it is dropped.
pub(super) fn lend(payload: Vec<u8>) -> Bytes {
    if (LEAST..=MOST).contains(&payload.capacity()) {
        Bytes::from_owner(Payload(payload))
    } else {
        payload.into()
    }
}

/// Lets go of what was not used for a while.
pub(super) fn age(clock: Clock) {
    let mut spare = lock();
    let gone = if spare.0.is_empty() { Vec::new() } else { spare.age(clock()) };
    drop(spare);
    drop(gone);
}

/// Tells the allocator, once, to keep freed memory of a few mebibytes.
///
/// glibc gives the end of its heap back to the kernel whenever 128 KiB of it are free, and the
/// buffers of the next parts, or batches, take it again, page by page. When a block is freed that was mapped,
/// that limit becomes twice the block's size. To another allocator it is a block without a use.
pub(super) fn keep_freed_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(std::hint::black_box(Vec::<u8>::with_capacity(LEAST))));
}

fn lock() -> MutexGuard<'static, Spare> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spare(sizes: &[usize]) -> Spare {
        let mut spare = Spare(Vec::new());
        sizes.iter().for_each(|size| drop(spare.put(Vec::with_capacity(*size))));
        spare
    }

    #[test]
    fn a_payload_takes_memory_that_fits_and_no_more_than_that() {
        let mut spare = spare(&[8 * MIB, 16 * MIB]);
        assert!(spare.take(10 * MIB).is_none());
        let taken = spare.take(15 * MIB).unwrap();
        assert_eq!((taken.len(), taken.capacity()), (0, 16 * MIB));
        assert!(spare.take(15 * MIB).is_none());
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest() {
        let mut spare = spare(&[40 * MIB]);
        let gone = spare.put(Vec::with_capacity(30 * MIB));
        assert_eq!(gone.iter().map(Vec::capacity).collect::<Vec<_>>(), [40 * MIB]);
        assert!(spare.take(30 * MIB).is_some());
    }

    #[test]
    fn what_nobody_uses_is_given_back_after_a_while() {
        let (mut spare, now) = (spare(&[8 * MIB]), Instant::now());
        assert!(spare.age(now).is_empty());
        assert!(spare.age(now + KEPT / 2).is_empty());
        assert_eq!(spare.age(now + KEPT).len(), 1);
    }

    #[test]
    fn a_payload_reads_as_it_was_written_in_memory_that_had_another() {
        let first = lend(vec![1; LEAST]);
        drop(first);
        let mut second = take(LEAST);
        second.extend_from_slice(&vec![2; LEAST]);
        assert_eq!(lend(second), vec![2; LEAST]);
    }
}
