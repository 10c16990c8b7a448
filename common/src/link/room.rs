//! Room for what is written, used again: memory that comes and goes with each batch would be given
//! back to the system and fetched again all the time.

use super::batch::MAX_BATCH_BYTES;
use super::spare;

/// Rooms that one line keeps: for batches of four thousand frames that were acknowledged together.
const MOST: usize = 8;

/// Room of a full batch, and the frame that filled it. More is neither made nor kept, so that a
/// line keeps half a mebibyte.
pub(super) const LARGEST: usize = MAX_BATCH_BYTES + 2 * 1024;

/// Rooms that nobody uses for now. They go at the next beat, so that a session that says nothing
/// keeps nothing.
#[derive(Debug, Default)]
pub(super) struct Rooms(Vec<Vec<u8>>);

impl Rooms {
    /// An empty room for so many bytes.
    pub(super) fn take(&mut self, bytes: usize) -> Vec<u8> {
        let kept = self.0.pop().filter(|room| room.capacity() >= bytes);
        kept.unwrap_or_else(|| Vec::with_capacity(bytes))
    }

    /// Keeps a room that nobody uses any more.
    pub(super) fn put(&mut self, mut room: Vec<u8>) {
        if room.capacity() > MAX_BATCH_BYTES / 2 {
            // So do the buffers of HTTP/2, which are as large.
            spare::keep_freed_memory();
        }
        if self.0.len() < MOST && (1..=LARGEST).contains(&room.capacity()) {
            room.clear();
            self.0.push(room);
        }
    }

    /// Lets go of all.
    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_used_again_where_it_is_large_enough() {
        let mut rooms = Rooms::default();
        let room = Vec::with_capacity(1_000);
        let at = room.as_ptr();
        rooms.put(room);
        let again = rooms.take(900);
        assert_eq!((again.as_ptr(), again.len()), (at, 0));
        rooms.put(again);
        assert!(rooms.take(2_000).capacity() >= 2_000);
    }

    #[test]
    fn few_rooms_are_kept_and_none_that_is_large() {
        let mut rooms = Rooms::default();
        rooms.put(Vec::with_capacity(LARGEST + 1));
        rooms.put(Vec::new());
        assert!(rooms.0.is_empty());
        (0..2 * MOST).for_each(|_| rooms.put(Vec::with_capacity(LARGEST)));
        assert_eq!(rooms.0.len(), MOST);
        rooms.clear();
        assert_eq!(rooms.0.capacity(), 0);
    }
}
