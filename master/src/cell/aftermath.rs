//! What changes of tasks leave to do once no lock is held.

use std::task::Waker;

use selsyn_common::{ExecutionId, proto};
use tokio::time::Instant;

use super::SharedCell;
use crate::connection::link::Link;
use crate::delivery;

/// What changes of tasks of one connection leave to do; gathered, so that it is done once for
/// many of them.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// Tasks whose callbacks shall run.
    pub(super) begun: Vec<SharedCell>,
    /// Tasks whose results the slave may forget.
    taken: Vec<proto::ExecutionId>,
    /// And how large these are.
    taken_bytes: usize,
    /// Those who waited for a change.
    pub(super) woken: Vec<Waker>,
}

impl Aftermath {
    /// Makes room for so many tasks that end together.
    pub(crate) fn expect(&mut self, tasks: usize) {
        self.taken.reserve(tasks);
        self.woken.reserve(tasks);
    }

    /// The slave may forget a result of so many bytes.
    #[inline]
    pub(crate) fn take(&mut self, id: ExecutionId, bytes: usize) {
        self.taken.push(id.into());
        self.taken_bytes += bytes;
    }

    /// Does it, and is empty again.
    pub(crate) fn deal_with(&mut self, link: &Link) {
        if self.tell(link, None) {
            link.wake();
        }
    }

    /// Does it, and is empty again. True when the slave shall be told of it soon: after
    /// [`Link::wake`], unless somebody says something else before; or after [`Link::turn_ends`], if
    /// a turn began. Whoever waited goes on last: what it says then comes behind what is said here.
    pub(crate) fn tell(&mut self, link: &Link, turn: Option<Instant>) -> bool {
        self.begun.drain(..).for_each(|cell| delivery::work(&cell));
        let bytes = std::mem::take(&mut self.taken_bytes);
        let is_urgent = !self.taken.is_empty() && link.results_taken(&mut self.taken, bytes, turn);
        // One task may wait for many: it is woken once for those that end together.
        self.woken.dedup_by(|next, before| next.will_wake(before));
        self.woken.drain(..).for_each(Waker::wake);
        is_urgent
    }
}

#[cfg(test)]
#[path = "aftermath_tests.rs"]
mod tests;
