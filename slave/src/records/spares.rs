//! Records whose results were taken, to be used again.

use std::sync::Arc;

use super::{Admitted, Record};
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

    /// Makes the record of a start.
    #[inline(always)]
    pub(crate) fn make(
        &mut self,
        request: Request,
        admitted: Admitted,
        origin: &Arc<Session>,
    ) -> Arc<Record> {
        let spare = self.0.pop();
        let mut record = spare.unwrap_or_else(|| blank(&admitted.function, origin));
        let Some(only) = Arc::get_mut(&mut record) else {
            unreachable!("a spare record is nobody else's")
        };
        only.fill(request, admitted);
        record
    }

    /// Keeps a record of this session, if nobody else has it.
    #[inline(always)]
    pub(crate) fn put(&mut self, mut record: Arc<Record>, session: &Arc<Session>) {
        if self.0.len() == MAX || !Arc::ptr_eq(&record.origin, session) {
            return;
        }
        if let Some(only) = Arc::get_mut(&mut record) {
            only.clear();
            self.0.push(record);
        }
    }

    /// Keeps records that were kept on for a while, and are no more.
    #[inline(never)]
    pub(crate) fn put_late(&mut self, records: Vec<Arc<Record>>, session: &Arc<Session>) {
        records.into_iter().for_each(|record| self.put(record, session));
    }

    /// Lets go of all.
    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

fn blank(function: &Arc<Registered>, origin: &Arc<Session>) -> Arc<Record> {
    Arc::new(Record::blank(Arc::clone(function), origin))
}
