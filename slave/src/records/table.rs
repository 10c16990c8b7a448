//! Finds an execution by its id.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use selsyn_common::{ExecutionId, SessionId};

use super::Record;
use crate::session::Session;

/// Tables that share the executions: sessions on several threads seldom meet in one.
const SHARDS: usize = 16;

/// The table of executions. It hands out clones, never guards, save to who starts one. Locks are
/// taken in one order: whether a session is left, a shard, a record, admission, an outbox.
#[derive(Debug)]
pub(crate) struct Records {
    shards: [Mutex<Shard>; SHARDS],
}

/// The executions whose ids end alike.
#[derive(Debug, Default)]
pub(crate) struct Shard(HashSet<ById, RandomState>);

/// A record, found by its id, which stands nowhere but in it.
#[derive(Debug)]
struct ById(Arc<Record>);

/// Results that are not kept any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Freed {
    pub(crate) results: usize,
    pub(crate) bytes: usize,
}

/// An execution that was taken out, to be dropped when nothing is locked.
struct Taken {
    bytes: usize,
    /// The session that remembers it, if it is another one.
    of: Option<Arc<Session>>,
    _record: Arc<Record>,
}

impl Records {
    pub(crate) fn new() -> Self {
        Self { shards: Default::default() }
    }

    /// Locks the part of the table that an id belongs to, to look and insert in one step.
    pub(crate) fn shard(&self, id: ExecutionId) -> MutexGuard<'_, Shard> {
        // Ids that are counted up take turns.
        let tail = id.task.uuid().as_u128() as usize;
        lock(&self.shards[tail % SHARDS])
    }

    pub(crate) fn get(&self, id: ExecutionId) -> Option<Arc<Record>> {
        self.shard(id).get(id).cloned()
    }

    /// Removes an execution.
    pub(crate) fn forget(&self, id: ExecutionId) -> Freed {
        // Dropped after the lock is released.
        let taken = self.shard(id).0.take(&id);
        let Some(ById(record)) = taken else { return Freed::default() };
        let mut state = record.state();
        state.is_forgotten = true;
        state.session(&record).forget(1);
        state.result_bytes().map_or_else(Freed::default, |bytes| Freed { results: 1, bytes })
    }

    /// Removes the executions whose results this session's master has taken.
    pub(crate) fn taken(
        &self,
        ids: impl Iterator<Item = ExecutionId>,
        session: &Arc<Session>,
    ) -> Freed {
        let mut freed = Freed::default();
        let mut mine = 0;
        for id in ids {
            let taken = self.shard(id).take_result(id, session);
            let Some(Taken { bytes, of, .. }) = taken else { continue };
            freed.results += 1;
            freed.bytes += bytes;
            match of {
                None => mine += 1,
                Some(other) => other.forget(1),
            }
        }
        session.forget(mine);
        freed
    }

    pub(crate) fn all(&self) -> Vec<Arc<Record>> {
        self.shards.iter().flat_map(|shard| lock(shard).all(|_| true)).collect()
    }

    pub(crate) fn of_session(&self, session: SessionId) -> Vec<Arc<Record>> {
        let is_mine = |record: &Record| record.state().session(record).id == session;
        self.shards.iter().flat_map(|shard| lock(shard).all(is_mine)).collect()
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    pub(crate) fn get(&self, id: ExecutionId) -> Option<&Arc<Record>> {
        self.0.get(&id).map(|ById(record)| record)
    }

    /// Puts in an execution that is not in it.
    pub(crate) fn add(&mut self, record: &Arc<Record>) {
        record.origin.remembers_one();
        self.0.insert(ById(Arc::clone(record)));
    }

    /// Takes out an execution that has ended, and belongs to this session's master.
    fn take_result(&mut self, id: ExecutionId, session: &Arc<Session>) -> Option<Taken> {
        let ById(record) = self.0.take(&id)?;
        let is_theirs = record.origin.peer.master == session.peer.master;
        let mut state = record.state();
        let Some(bytes) = state.result_bytes().filter(|_| is_theirs) else {
            drop(state);
            self.0.insert(ById(record));
            return None;
        };
        let of = state.session(&record);
        let of = (!Arc::ptr_eq(of, session)).then(|| Arc::clone(of));
        state.is_forgotten = true;
        drop(state);
        Some(Taken { bytes, of, _record: record })
    }

    fn all(&self, is_meant: impl Fn(&Record) -> bool) -> Vec<Arc<Record>> {
        let records = self.0.iter().map(|ById(record)| record);
        records.filter(|record| is_meant(record)).cloned().collect()
    }
}

impl Borrow<ExecutionId> for ById {
    fn borrow(&self) -> &ExecutionId {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}
