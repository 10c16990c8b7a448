//! Finds an execution by its id.

mod taken;

use std::hash::{BuildHasher, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use selsyn_common::{ExecutionId, SessionId};

use super::gone::Gone;
use super::{Record, RecordRef, Spares};

pub(crate) use taken::TakenResults;

/// Tables that share the executions: sessions on several threads seldom meet in one.
const SHARDS: usize = 16;

/// Ids that are remembered when their executions are kept no more: 100,000 in all.
const MAX_GONE: usize = 100_000 / SHARDS;

/// So many ids that are counted up are in one table, and as many in the next: results are taken in
/// about the order in which their tasks were started, so that these need one lock. Not more: a
/// master's connections go through its ids at the same time, on several threads.
const NEIGHBOURS: usize = 16;

/// The executions whose ids end alike, but for the last digits.
#[derive(Debug, Default)]
struct Shard {
    here: HashTable<RecordRef>,
    gone: Gone<MAX_GONE>,
}

/// The table of executions. It hands out clones, never guards, save to who starts one. Locks are
/// taken in one order: the table of addresses, a shard, a record, admission, an outbox.
#[derive(Debug, Default)]
pub(crate) struct Records {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
}

/// The place of one id in the table, while nobody else can change it.
#[derive(Debug)]
pub(crate) struct Entry<'a> {
    hasher: &'a RandomState,
    shard: MutexGuard<'a, Shard>,
    id: ExecutionId,
    hash: u64,
}

/// Results that are not kept any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Freed {
    pub(crate) results: usize,
    pub(crate) bytes: usize,
}

impl Records {
    /// Locks the part of the table that an id belongs to, to look and insert in one step.
    pub(crate) fn entry(&self, id: ExecutionId) -> Entry<'_> {
        let shard = lock(&self.shards[shard_of(id)]);
        Entry { hasher: &self.hasher, shard, id, hash: hash(&self.hasher, id) }
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<RecordRef> {
        self.entry(id).get().cloned()
    }

    /// Whether an execution of this id was here, and is kept no more.
    pub(crate) fn is_gone(&self, id: ExecutionId) -> bool {
        self.entry(id).shard.gone.contains(id)
    }

    /// Removes an execution that is kept no more, and remembers that it was here.
    pub(crate) fn expire(&self, id: ExecutionId) -> Option<RecordRef> {
        let mut entry = self.entry(id);
        entry.shard.gone.add(id);
        entry.take()
    }

    /// Removes an execution that never was one: it was not accepted.
    pub(crate) fn forget(&self, id: ExecutionId) -> Freed {
        // Dropped after the lock is released.
        let taken = self.entry(id).take();
        let Some(record) = taken else { return Freed::default() };
        let mut state = record.state();
        state.is_forgotten = true;
        state.session(&record).forget(1);
        state.result_bytes().map_or_else(Freed::default, |bytes| Freed { results: 1, bytes })
    }

    /// Every execution that shall stop: those that wait come first, so that none of them begins in
    /// the place of one that was stopped.
    pub(crate) fn all_to_stop(&self) -> Vec<RecordRef> {
        let mut records = self.all();
        records.sort_by_key(|record| !record.state().is_queued());
        records
    }

    pub(crate) fn all(&self) -> Vec<RecordRef> {
        self.such_as(|_| true)
    }

    pub(crate) fn of_session(&self, session: SessionId) -> Vec<RecordRef> {
        self.such_as(|record| record.state().session(record).id == session)
    }

    fn such_as(&self, is_meant: impl Fn(&Record) -> bool) -> Vec<RecordRef> {
        let mut found = Vec::new();
        self.each(|record| {
            if is_meant(record) {
                found.push(RecordRef::clone(record));
            }
        });
        found
    }

    /// Looks at every execution, one part of the table after the other: whoever looks keeps only what
    /// it needs.
    pub(crate) fn each(&self, mut look: impl FnMut(&RecordRef)) {
        for shard in &self.shards {
            lock(shard).here.iter().for_each(&mut look);
        }
    }
}

impl Entry<'_> {
    pub(crate) fn get(&self) -> Option<&RecordRef> {
        self.shard.here.find(self.hash, |record| record.id == self.id)
    }

    /// Puts in an execution of this id, which is not in it; its session has counted it.
    #[inline(always)]
    pub(crate) fn add(mut self, record: RecordRef) {
        self.shard.here.insert_unique(self.hash, record, |record| hash(self.hasher, record.id));
    }

    fn take(mut self) -> Option<RecordRef> {
        let found = self.shard.here.find_entry(self.hash, |record| record.id == self.id);
        found.ok().map(|found| found.remove().0)
    }
}

/// Which table an id belongs to.
fn shard_of(id: ExecutionId) -> usize {
    let tail = id.task.halves().1 as usize;
    tail / NEIGHBOURS % SHARDS
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Masters choose ids, so that the hash is seeded.
fn hash(hasher: &RandomState, id: ExecutionId) -> u64 {
    let (high, low) = id.task.halves();
    let mut hash = hasher.build_hasher();
    hash.write_u64(high);
    hash.write_u64(low);
    hash.write_u32(id.attempt);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use selsyn_common::TaskId;

    use super::*;

    fn shard(tail: u128) -> usize {
        shard_of(ExecutionId::first(TaskId::from_random(tail.to_be_bytes())))
    }

    #[test]
    fn ids_that_are_counted_up_stand_together_and_take_turns_in_all_tables() {
        let round = (NEIGHBOURS * SHARDS) as u128;
        let shards: Vec<_> = (0..2 * round).map(shard).collect();
        let runs: Vec<_> = shards.chunk_by(|one, next| one == next).collect();
        assert!(runs.iter().all(|run| run.len() == NEIGHBOURS));
        let turns: Vec<_> = runs.iter().map(|run| run[0]).collect();
        assert_eq!(turns, (0..SHARDS).chain(0..SHARDS).collect::<Vec<_>>());
    }
}
