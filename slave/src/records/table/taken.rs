//! Lets go of the executions whose results were taken.

use std::iter::Peekable;
use std::sync::Arc;

use selsyn_common::ExecutionId;

use super::{Freed, NEIGHBOURS, RecordRef, Records, Shard, Spares, hash, lock, shard_of};
use crate::session::Session;

/// What became of results that were taken.
#[derive(Debug, Default)]
pub(crate) struct TakenResults {
    pub(crate) freed: Freed,
    /// The executions that are kept on for those who want to look at them.
    pub(crate) stay: Vec<RecordRef>,
}

/// Results that are being taken. What is dropped is dropped when nothing is locked.
#[derive(Default)]
struct Taking {
    results: TakenResults,
    /// How many of them this session has remembered.
    mine: usize,
    /// The sessions that have remembered the others.
    others: Vec<Arc<Session>>,
    /// The executions that are kept no more.
    go: Vec<RecordRef>,
}

impl Records {
    /// Lets go of the executions whose results this session's master has taken.
    pub(crate) fn taken(
        &self,
        ids: impl Iterator<Item = ExecutionId>,
        session: &Arc<Session>,
        spares: &mut Spares,
    ) -> TakenResults {
        let (mut ids, mut taking) = (ids.peekable(), Taking::default());
        taking.go.reserve(ids.size_hint().0.min(NEIGHBOURS));
        while ids.peek().is_some() {
            self.take_together(&mut ids, session, &mut taking);
            taking.go.drain(..).for_each(|record| spares.put(record, session));
            taking.others.drain(..).for_each(|other| other.forget(1));
        }
        session.forget(taking.mine);
        taking.results
    }

    /// Takes those that come next and stand in one part of the table; not too many, as starts wait
    /// for it.
    fn take_together(
        &self,
        ids: &mut Peekable<impl Iterator<Item = ExecutionId>>,
        session: &Arc<Session>,
        taking: &mut Taking,
    ) {
        let Some(place) = ids.peek().copied().map(shard_of) else { return };
        let mut shard = lock(&self.shards[place]);
        let next = || ids.next_if(|id| shard_of(*id) == place);
        for id in std::iter::from_fn(next).take(NEIGHBOURS) {
            shard.take_result(id, hash(&self.hasher, id), session, taking);
        }
    }
}

impl Shard {
    /// Forgets an execution that has ended, and belongs to this session's master. One that showed
    /// nothing and ended at its first poll goes at once: there is little to look at, and many come.
    #[inline(always)]
    fn take_result(
        &mut self,
        id: ExecutionId,
        hash: u64,
        session: &Arc<Session>,
        taking: &mut Taking,
    ) {
        let Ok(mut found) = self.here.find_entry(hash, |record| record.id == id) else { return };
        let record = found.get_mut();
        let is_origin = Arc::ptr_eq(&record.origin, session);
        if !is_origin && record.origin.peer.master != session.peer.master {
            return;
        }
        // Most have only the table left that knows them: then nobody can be in the way.
        let taken = match RecordRef::get_mut(record) {
            Some(only) => only.state_mut().take_result(),
            None => record.state().take_result(),
        };
        let Some((bytes, heir, stays)) = taken else { return };
        taking.count(bytes, heir.as_ref().unwrap_or(&record.origin), session);
        if stays {
            taking.results.stay.push(RecordRef::clone(record));
        } else {
            taking.go.push(found.remove().0);
            self.gone.add(id);
        }
    }
}

impl Taking {
    /// One more result, of so many bytes, which this session has remembered, or another one.
    #[inline(always)]
    fn count(&mut self, bytes: usize, remembers: &Arc<Session>, session: &Arc<Session>) {
        self.results.freed.results += 1;
        self.results.freed.bytes += bytes;
        if Arc::ptr_eq(remembers, session) {
            self.mine += 1;
        } else {
            self.others.push(Arc::clone(remembers));
        }
    }
}
