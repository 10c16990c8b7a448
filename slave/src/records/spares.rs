//! What one conversation keeps from its starts for the next ones.

use std::sync::Arc;

use selsyn_common::Refusal;

use triomphe::UniqueArc;

use super::{Admitted, Record, RecordRef};
use crate::executor::Request;
use crate::function::KeptRoom;
use crate::registry::{Registered, Registry, Wanted};
use crate::session::Session;

/// Most records that one conversation keeps: those of two batches, some 300 KB. They go at the
/// next beat, so that a master that asks for nothing costs nothing.
const MAX: usize = 1_024;

/// What one conversation keeps from its starts for the next ones.
#[derive(Default)]
pub(crate) struct Spares {
    /// Records that nobody else has: to make and to drop one costs a good part of a small task.
    records: Vec<UniqueArc<Record>>,
    /// What was asked for last: most starts ask for the same.
    last: Option<Known>,
}

/// A function, and room for its runs.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) function: Arc<Registered>,
    pub(crate) room: KeptRoom,
}

/// The function that a start asks for, and the records that there are for its runs.
pub(crate) struct Found<'a> {
    pub(crate) known: &'a mut Known,
    records: &'a mut Vec<UniqueArc<Record>>,
}

impl<'a> Found<'a> {
    /// Makes the record of the start.
    #[inline(always)]
    pub(crate) fn make(
        self,
        request: Request,
        admitted: Admitted,
        origin: &Arc<Session>,
    ) -> (RecordRef, &'a mut Known) {
        let Self { known, records } = self;
        let mut record = records.pop().unwrap_or_else(|| blank(&known.function, origin));
        record.fill(&known.function, request, admitted);
        (record.shareable(), known)
    }
}

impl Spares {
    /// Finds the function that a start asks for.
    pub(crate) fn find(
        &mut self,
        registry: &Registry,
        wanted: &Wanted,
    ) -> Result<Found<'_>, Box<Refusal>> {
        let is_same = |last: &Known| last.function.number == wanted.number;
        if !self.last.as_ref().is_some_and(is_same) {
            let function = registry.find(wanted)?;
            self.last = Some(Known { function, room: KeptRoom::default() });
        }
        // Left where it is: to take it out and to put it back costs as much as all else here.
        let Some(known) = &mut self.last else { unreachable!("it has just been found") };
        Ok(Found { known, records: &mut self.records })
    }

    /// Keeps a record of this session, if nobody else has it.
    #[inline(always)]
    pub(crate) fn put(&mut self, record: RecordRef, session: &Arc<Session>) {
        if self.records.len() == MAX || !Arc::ptr_eq(&record.origin, session) {
            return;
        }
        if let Ok(mut only) = RecordRef::try_unique(record) {
            only.clear();
            self.records.push(only);
        }
    }

    /// Keeps records that were kept on for a while, and are no more.
    #[inline(never)]
    pub(crate) fn put_late(&mut self, records: Vec<RecordRef>, session: &Arc<Session>) {
        records.into_iter().for_each(|record| self.put(record, session));
    }

    /// Lets go of all.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

fn blank(function: &Arc<Registered>, origin: &Arc<Session>) -> UniqueArc<Record> {
    UniqueArc::new(Record::blank(Arc::clone(function), origin))
}
