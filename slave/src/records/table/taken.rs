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

/// An execution whose result was taken; one that goes is dropped when nothing is locked.
struct Taken {
    bytes: usize,
    stays: bool,
    /// The session that remembers it, if it is another one.
    of: Option<Arc<Session>>,
    record: RecordRef,
}

impl Records {
    /// Lets go of the executions whose results this session's master has taken.
    pub(crate) fn taken(
        &self,
        ids: impl Iterator<Item = ExecutionId>,
        session: &Arc<Session>,
        spares: &mut Spares,
    ) -> TakenResults {
        let TakenResults { mut freed, mut stay } = TakenResults::default();
        let (mut ids, mut mine) = (ids.peekable(), 0);
        let mut together = Vec::with_capacity(ids.size_hint().0.min(NEIGHBOURS));
        while ids.peek().is_some() {
            self.take_together(&mut ids, session, &mut together);
            for Taken { bytes, stays, of, record } in together.drain(..) {
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
        }
        session.forget(mine);
        TakenResults { freed, stay }
    }

    /// Takes those that come next and stand in one part of the table; not too many, as starts wait
    /// for it.
    fn take_together(
        &self,
        ids: &mut Peekable<impl Iterator<Item = ExecutionId>>,
        session: &Arc<Session>,
        together: &mut Vec<Taken>,
    ) {
        let Some(place) = ids.peek().copied().map(shard_of) else { return };
        let mut shard = lock(&self.shards[place]);
        let next = || ids.next_if(|id| shard_of(*id) == place);
        for id in std::iter::from_fn(next).take(NEIGHBOURS) {
            together.extend(shard.take_result(id, hash(&self.hasher, id), session));
        }
    }
}

impl Shard {
    /// Forgets an execution that has ended, and belongs to this session's master. One that showed
    /// nothing and ended at its first poll goes at once: there is little to look at, and many come.
    #[inline(always)]
    fn take_result(&mut self, id: ExecutionId, hash: u64, session: &Arc<Session>) -> Option<Taken> {
        let mut found = self.here.find_entry(hash, |record| record.id == id).ok()?;
        let record = found.get_mut();
        let is_origin = Arc::ptr_eq(&record.origin, session);
        if !is_origin && record.origin.peer.master != session.peer.master {
            return None;
        }
        // Most have only the table left that knows them: then nobody can be in the way.
        let (bytes, heir, stays) = match RecordRef::get_mut(record) {
            Some(only) => only.state_mut().take_result(),
            None => record.state().take_result(),
        }?;
        let of = match heir {
            Some(heir) => (!Arc::ptr_eq(&heir, session)).then_some(heir),
            None => (!is_origin).then(|| Arc::clone(&record.origin)),
        };
        if stays {
            return Some(Taken { bytes, stays, of, record: RecordRef::clone(record) });
        }
        let (record, _) = found.remove();
        self.gone.add(id);
        Some(Taken { bytes, stays, of, record })
    }
}
