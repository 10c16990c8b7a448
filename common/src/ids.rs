//! Names things: tasks, executions, masters, slaves, sessions.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use uuid::Uuid;

/// Declares an identity that is a UUID, shown by its last eight hex digits.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        // With a number beside it, it takes 20 bytes and not 24: a program may keep a million.
        #[repr(Rust, packed(4))]
        pub struct $name {
            // By the word, as it travels: what was written by the byte is slow to read again.
            high: u64,
            low: u64,
        }

        impl $name {
            /// Takes a UUID that somebody else made.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                let (high, low) = uuid.as_u64_pair();
                Self { high, low }
            }

            /// Makes an identity of 16 random bytes.
            pub fn from_random(bytes: [u8; 16]) -> Self {
                Self::from_uuid(uuid::Builder::from_random_bytes(bytes).into_uuid())
            }

            /// The whole UUID.
            pub const fn uuid(&self) -> Uuid {
                Uuid::from_u64_pair(self.high, self.low)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                // The head of a UUIDv7 is the time and changes only every minute or so.
                write!(f, "…{:08x}", self.low as u32)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.uuid())
            }
        }
    };
}

uuid_id! {
    /// Names a task, for ever and everywhere. `Display` shows its short tail.
    TaskId
}
uuid_id! {
    /// Names a master: the same for all of its connections.
    MasterId
}
uuid_id! {
    /// Tells a restarted master from its former self.
    Incarnation
}
uuid_id! {
    /// Names a slave. Without a journal a slave takes a new one at every boot.
    SlaveId
}
uuid_id! {
    /// Names one life of a slave's process.
    BootId
}
uuid_id! {
    /// Names one session between a master's connection and a slave.
    SessionId
}

/// Names one run of a task on a slave: the pair (task, attempt). There is no third id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId {
    /// Which task.
    pub task: TaskId,
    /// Which attempt, from 1; only a retry policy raises it.
    pub attempt: u32,
}

impl TaskId {
    /// The halves of the UUID, as they travel; made by [`TaskIds`], the lower one ends in a counter.
    pub const fn halves(self) -> (u64, u64) {
        (self.high, self.low)
    }

    /// The task of these halves.
    pub const fn from_halves(high: u64, low: u64) -> Self {
        Self { high, low }
    }
}

impl ExecutionId {
    /// The first attempt of a task.
    pub const fn first(task: TaskId) -> Self {
        Self { task, attempt: 1 }
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempt {
            1 => self.task.fmt(f),
            attempt => write!(f, "{}#{attempt}", self.task),
        }
    }
}

/// Makes task ids: UUIDv7 from one random base and a counter, without a system call for each.
///
/// The layout is 48 bits of time, 42 random bits that stay, and a counter of 32 bits at the
/// tail, so that ids of one process sort by age and differ in the part that people see.
#[derive(Debug)]
pub struct TaskIds {
    /// Version and random bits below the time.
    high: u64,
    /// Variant and random bits above the counter.
    low: u64,
    counter: AtomicU32,
}

impl TaskIds {
    /// Begins with 16 random bytes.
    pub fn new(random: [u8; 16]) -> Self {
        let random = u128::from_be_bytes(random);
        let base = (random >> 64) as u64;
        Self {
            high: 0x7000 | (base >> 52),
            low: (0b10 << 62) | (((base >> 16) & 0x3fff_ffff) << 32),
            counter: AtomicU32::new(random as u32),
        }
    }

    /// Makes the next id; `unix_millis` is the wall clock, which only labels.
    #[inline]
    pub fn next(&self, unix_millis: u64) -> TaskId {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        let (high, low) = ((unix_millis << 16) | self.high, self.low | u64::from(counter));
        TaskId { high, low }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_process_sort_by_age_and_differ_in_their_tail() {
        let ids = TaskIds::new([7; 16]);
        let (first, second) = (ids.next(1_000), ids.next(1_000));
        assert!(first < second);
        assert_ne!(first.to_string(), second.to_string());
        assert_eq!(first.uuid().get_version_num(), 7);
        assert_eq!(first.uuid().get_variant(), uuid::Variant::RFC4122);
        let label = first.uuid().get_timestamp().unwrap().to_unix();
        assert_eq!(label, (1, 0));
    }

    #[test]
    fn a_counter_that_wraps_gives_no_id_twice_within_its_range() {
        let mut random = [0; 16];
        random[12..].copy_from_slice(&u32::MAX.to_be_bytes());
        let ids = TaskIds::new(random);
        assert_ne!(ids.next(1), ids.next(1));
    }

    #[test]
    fn an_id_shows_its_tail_and_its_attempt_from_the_second_on() {
        let task = TaskId::from_uuid(Uuid::from_u128(0xabcd_0123));
        assert_eq!(ExecutionId::first(task).to_string(), "…abcd0123");
        assert_eq!(ExecutionId { task, attempt: 2 }.to_string(), "…abcd0123#2");
    }
}
