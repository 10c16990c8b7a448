//! Finds an execution by its id.

use std::borrow::Borrow;
use std::collections::HashSet;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use selsyn_common::{ExecutionId, MasterId, Payload, SessionId};

use super::Record;
use crate::session::Session;

/// Tables that share the executions: sessions on several threads seldom meet in one.
const SHARDS: usize = 16;

/// The table of executions. It hands out clones, never guards, save to who starts one.
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
        taken.map_or_else(Freed::default, |ById(record)| record.forgotten())
    }

    /// Removes the executions whose results this session's master has taken.
    pub(crate) fn taken(
        &self,
        ids: impl Iterator<Item = ExecutionId>,
        session: &Arc<Session>,
    ) -> Freed {
        let mut freed = Freed::default();
        let taken = ids.filter_map(|id| self.shard(id).take_result(id, session.peer.master));
        for record in taken {
            freed.add(record.forgotten());
        }
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

    /// Takes out an execution that has ended, and is this master's.
    fn take_result(&mut self, id: ExecutionId, owner: MasterId) -> Option<Arc<Record>> {
        let record = self.get(id)?;
        let is_theirs = record.origin.peer.master == owner && record.state().outcome.is_some();
        if !is_theirs {
            return None;
        }
        self.0.take(&id).map(|ById(record)| record)
    }

    fn all(&self, is_meant: impl Fn(&Record) -> bool) -> Vec<Arc<Record>> {
        let records = self.0.iter().map(|ById(record)| record);
        records.filter(|record| is_meant(record)).cloned().collect()
    }
}

impl Record {
    /// It is not in the table any more.
    fn forgotten(&self) -> Freed {
        let state = self.state();
        state.session(self).forgets_one();
        state.outcome.as_ref().map_or_else(Freed::default, |outcome| Freed {
            results: 1,
            bytes: outcome.value().map_or(0, Payload::len),
        })
    }
}

impl Freed {
    const fn add(&mut self, more: Self) {
        self.results += more.results;
        self.bytes += more.bytes;
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
