//! Finds an execution by its id.

use std::hash::{BuildHasher, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use selsyn_common::{ExecutionId, SessionId};

use super::gone::Gone;
use super::{Record, Spares};
use crate::session::Session;

/// Tables that share the executions: sessions on several threads seldom meet in one.
const SHARDS: usize = 16;

/// Ids that are remembered when their executions are kept no more: 100,000 in all.
const MAX_GONE: usize = 100_000 / SHARDS;

/// The executions whose ids end alike.
#[derive(Debug, Default)]
struct Shard {
    here: HashTable<Arc<Record>>,
    gone: Gone<MAX_GONE>,
}

/// The table of executions. It hands out clones, never guards, save to who starts one. Locks are
/// taken in one order: a shard, a record, admission, an outbox.
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

/// What became of results that were taken.
#[derive(Debug, Default)]
pub(crate) struct TakenResults {
    pub(crate) freed: Freed,
    /// The executions that are kept on for those who want to look at them.
    pub(crate) stay: Vec<Arc<Record>>,
}

/// An execution whose result was taken; one that goes is dropped when nothing is locked.
struct Taken {
    bytes: usize,
    stays: bool,
    /// The session that remembers it, if it is another one.
    of: Option<Arc<Session>>,
    record: Arc<Record>,
}

impl Records {
    /// Locks the part of the table that an id belongs to, to look and insert in one step.
    pub(crate) fn entry(&self, id: ExecutionId) -> Entry<'_> {
        // Ids that are counted up take turns.
        let tail = id.task.uuid().as_u128() as usize;
        let shard = lock(&self.shards[tail % SHARDS]);
        Entry { hasher: &self.hasher, shard, id, hash: hash(&self.hasher, id) }
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<Arc<Record>> {
        self.entry(id).get().cloned()
    }

    /// Whether an execution of this id was here, and is kept no more.
    pub(crate) fn is_gone(&self, id: ExecutionId) -> bool {
        self.entry(id).shard.gone.contains(id)
    }

    /// Removes an execution that is kept no more, and remembers that it was here.
    pub(crate) fn expire(&self, id: ExecutionId) -> Option<Arc<Record>> {
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

    /// Lets go of the executions whose results this session's master has taken.
    pub(crate) fn taken(
        &self,
        ids: impl Iterator<Item = ExecutionId>,
        session: &Arc<Session>,
        spares: &mut Spares,
    ) -> TakenResults {
        let TakenResults { mut freed, mut stay } = TakenResults::default();
        let mut mine = 0;
        for id in ids {
            let taken = self.entry(id).take_result(session);
            let Some(Taken { bytes, stays, of, record }) = taken else { continue };
            freed.results += 1;
            freed.bytes += bytes;
            match of {
                None => mine += 1,
                Some(other) => other.forget(1),
            }
            if stays {
                stay.push(record);
            } else {
                spares.put(record, session);
            }
        }
        session.forget(mine);
        TakenResults { freed, stay }
    }

    /// Every execution that shall stop: those that wait come first, so that none of them begins in
    /// the place of one that was stopped.
    pub(crate) fn all_to_stop(&self) -> Vec<Arc<Record>> {
        let mut records = self.all();
        records.sort_by_key(|record| !record.state().is_queued());
        records
    }

    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        self.such_as(|_| true)
    }

    pub(crate) fn of_session(&self, session: SessionId) -> Vec<Arc<Record>> {
        self.such_as(|record| record.state().session(record).id == session)
    }

    pub(crate) fn such_as(&self, is_meant: impl Fn(&Record) -> bool) -> Vec<Arc<Record>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(lock(shard).here.iter().filter(|record| is_meant(record)).cloned());
        }
        found
    }
}

impl Entry<'_> {
    pub(crate) fn get(&self) -> Option<&Arc<Record>> {
        self.shard.here.find(self.hash, |record| record.id == self.id)
    }

    /// Puts in an execution of this id, which is not in it; its session has counted it.
    #[inline(always)]
    pub(crate) fn add(mut self, record: Arc<Record>) {
        self.shard.here.insert_unique(self.hash, record, |record| hash(self.hasher, record.id));
    }

    fn take(mut self) -> Option<Arc<Record>> {
        let found = self.shard.here.find_entry(self.hash, |record| record.id == self.id);
        found.ok().map(|found| found.remove().0)
    }

    /// Forgets an execution that has ended, and belongs to this session's master. One that showed
    /// nothing and ended at its first poll goes at once: there is little to look at, and many come.
    fn take_result(mut self, session: &Arc<Session>) -> Option<Taken> {
        let found = self.shard.here.find_entry(self.hash, |record| record.id == self.id);
        let mut found = found.ok()?;
        let record = found.get_mut();
        let is_origin = Arc::ptr_eq(&record.origin, session);
        if !is_origin && record.origin.peer.master != session.peer.master {
            return None;
        }
        // Most have only the table left that knows them: then nobody can be in the way.
        let (bytes, heir, stays) = match Arc::get_mut(record) {
            Some(only) => only.state_mut().take_result(),
            None => record.state().take_result(),
        }?;
        let of = match heir {
            Some(heir) => (!Arc::ptr_eq(&heir, session)).then_some(heir),
            None => (!is_origin).then(|| Arc::clone(&record.origin)),
        };
        if stays {
            return Some(Taken { bytes, stays, of, record: Arc::clone(record) });
        }
        let (record, _) = found.remove();
        self.shard.gone.add(self.id);
        Some(Taken { bytes, stays, of, record })
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Masters choose ids, so that the hash is seeded.
fn hash(hasher: &RandomState, id: ExecutionId) -> u64 {
    let (high, low) = id.task.uuid().as_u64_pair();
    let mut hash = hasher.build_hasher();
    hash.write_u64(high);
    hash.write_u64(low);
    hash.write_u32(id.attempt);
    hash.finish()
}
