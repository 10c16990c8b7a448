//! The parts of an execution, folded from their reports. Pure: what a slave keeps and what a reader
//! sees is the same.

mod close;
mod report;
mod sought;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use super::{Part, PartResult, PartStatus};
use crate::{ExecutionEvent, Happened, OutputContent};

pub use report::PartChange;

/// The parts of an execution, in the order in which they were first reported.
///
/// Each report carries its part whole, and counts: so readers have the same parts whether they saw
/// every report, missed some, saw some twice, or began with what the slave keeps. Once the
/// execution has ended, [`end`](Self::end) gives those that are open the status that follows from
/// its verdict.
///
/// ```
/// use selsyn_common::{PartReadError, Parts};
///
/// let parts = Parts::default();
/// assert!(matches!(parts.result(None), Err(PartReadError::NoParts)));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts {
    parts: BTreeMap<u32, Part>,
    places: HashMap<String, u32>,
    succeeded: usize,
    bytes: usize,
}

/// What a part takes among others beside itself: the entry of its name.
const PLACE: usize = size_of::<(String, u32)>();

/// About how many bytes a part takes among others, which find it by a second copy of its name.
fn kept(part: &Part) -> usize {
    part.weight() + PLACE + part.name.len()
}

impl Parts {
    /// Most parts of one execution: 10,000, as many as a page shows.
    pub const MAX_PARTS: u32 = 10_000;

    /// Most bytes of the parts of one execution, about: 64 MiB, as much as its event log has. Counted
    /// is the memory that they take, so a part without a word to say has some hundred bytes.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;

    /// Folds a report. One that is older than what is there changes nothing, nor does one that
    /// there is no room for: a slave sends none such.
    pub fn apply(&mut self, part: Part) {
        let had = self.parts.get(&part.place);
        let is_old = had.is_some_and(|had| had.revision >= part.revision);
        let is_place = (1..=Self::MAX_PARTS).contains(&part.place);
        let bytes = self.bytes - had.map_or(0, kept) + kept(&part);
        if !is_old && is_place && bytes <= Self::MAX_BYTES {
            self.put(part, bytes);
        }
    }

    /// Folds what is shown, if it is about a part.
    pub fn fold(&mut self, shown: &OutputContent) {
        if let OutputContent::Part(part) = shown {
            self.apply(Part::clone(part));
        }
    }

    /// Folds an event of the execution, whatever it is: reports, and the end.
    pub fn follow(&mut self, event: &ExecutionEvent) {
        match &event.what {
            Happened::Output(output) => self.fold(&output.content),
            Happened::Ended(outcome) => self.end(outcome, Some(event.at)),
            _ => {}
        }
    }

    fn put(&mut self, part: Part, bytes: usize) {
        self.bytes = bytes;
        let (place, name) = (part.place, part.name.clone());
        let succeeded = |part: &Part| usize::from(part.status == PartStatus::Success);
        self.succeeded += succeeded(&part);
        let former = self.parts.insert(place, part);
        self.succeeded -= former.as_ref().map_or(0, succeeded);
        let former = former.map(|had| had.name);
        // A stranger may rename a part: the later name counts.
        if let Some(former) = former.filter(|former| *former != name)
            && self.places.get(&former) == Some(&place)
        {
            self.places.remove(&former);
        }
        self.places.insert(name, place);
    }

    /// The parts, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Part> {
        self.parts.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The part of this name.
    pub fn get(&self, name: &str) -> Option<&Part> {
        self.parts.get(self.places.get(name)?)
    }

    /// Their names, in order (PyODPS: `get_task_names`).
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.iter().map(|part| part.name.as_str())
    }

    /// Where each stands, in order (PyODPS: `get_task_statuses`).
    pub fn statuses(&self) -> impl ExactSizeIterator<Item = (&str, PartStatus)> {
        self.iter().map(|part| (part.name.as_str(), part.status))
    }

    /// What each gave, in order (PyODPS: `get_task_results`).
    pub fn results(&self) -> impl ExactSizeIterator<Item = (&str, &PartResult)> {
        self.iter().map(|part| (part.name.as_str(), &part.result))
    }

    /// The parts from a place on, in order.
    #[doc(hidden)]
    pub fn from(&self, place: u32) -> impl Iterator<Item = &Part> {
        self.parts.range(place..).map(|(_, part)| part)
    }

    /// How many have succeeded.
    pub const fn succeeded(&self) -> usize {
        self.succeeded
    }

    /// Those that have not succeeded, in order.
    pub fn unsuccessful(&self) -> impl Iterator<Item = &Part> {
        self.iter().filter(|part| part.status != PartStatus::Success)
    }

    /// About how many bytes they take in memory.
    #[doc(hidden)]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}
