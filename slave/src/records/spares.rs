//! Records whose results were taken, to be used again.

use std::sync::Arc;

use super::Record;
use crate::admission::Place;
use crate::executor::Request;
use crate::registry::Registered;
use crate::session::Session;

/// Most records that one conversation keeps: those of four batches, some 300 KB. They go at the
/// next beat, so that a master that asks for nothing costs nothing.
const MAX: usize = 1_024;

/// Records that nobody else has: to make and to drop one costs a good part of a small task.
#[derive(Debug, Default)]
pub(crate) struct Spares(Vec<Arc<Record>>);

impl Spares {
    /// The function of the next one, if it has this number.
    pub(crate) fn function(&self, number: u32) -> Option<Arc<Registered>> {
        let next = &self.0.last()?.function;
        (next.number == number).then(|| Arc::clone(next))
    }

    /// Makes the record of a start, which holds this place since it came, and finishes it where
    /// nobody else has it yet.
    #[inline(always)]
    pub(crate) fn make(
        &mut self,
        request: Request,
        function: Arc<Registered>,
        origin: &Arc<Session>,
        (place, came): (Place, u64),
        finish: impl FnOnce(&mut Record),
    ) -> Arc<Record> {
        if let Some(mut spare) = self.0.pop()
            && let Some(record) = Arc::get_mut(&mut spare)
        {
            record.renew(request, function, place, came);
            finish(record);
            return spare;
        }
        let mut record = Record::new(request, function, origin, place, came);
        finish(&mut record);
        Arc::new(record)
    }

    /// Keeps a record of this session, if nobody else has it.
    pub(crate) fn put(&mut self, mut record: Arc<Record>, session: &Arc<Session>) {
        if self.0.len() == MAX || !Arc::ptr_eq(&record.origin, session) {
            return;
        }
        if let Some(only) = Arc::get_mut(&mut record) {
            only.clear();
            self.0.push(record);
        }
    }

    /// Lets go of all.
    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}
