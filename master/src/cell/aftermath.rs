//! What changes of tasks leave to do once no lock is held.

use std::sync::Arc;
use std::task::Waker;

use selsyn_common::{ExecutionId, proto};

use super::Cell;
use crate::connection::link::Link;
use crate::delivery;

/// What changes of tasks of one connection leave to do; gathered, so that it is done once for
/// many of them.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// Tasks whose callbacks shall run.
    pub(super) begun: Vec<Arc<Cell>>,
    /// Tasks whose results the slave may forget.
    taken: Vec<proto::ExecutionId>,
    /// Those who waited for a change.
    pub(super) woken: Vec<Waker>,
}

impl Aftermath {
    /// Makes room for so many tasks that end together.
    pub(crate) fn expect(&mut self, tasks: usize) {
        self.taken.reserve(tasks);
        self.woken.reserve(tasks);
    }

    /// The slave may forget a result.
    #[inline]
    pub(crate) fn take(&mut self, id: ExecutionId) {
        self.taken.push(id.into());
    }

    /// Does it, and is empty again.
    pub(crate) fn deal_with(&mut self, link: &Link) {
        if self.tell(link) {
            link.wake();
        }
    }

    /// Does it, and is empty again. True when the slave is told of it only after
    /// [`Link::wake`], unless somebody says something else before. Whoever waited goes on last:
    /// what it says then comes behind what is said here.
    pub(crate) fn tell(&mut self, link: &Link) -> bool {
        self.begun.drain(..).for_each(|cell| delivery::work(&cell));
        let says = !self.taken.is_empty();
        if says {
            link.results_taken(std::mem::take(&mut self.taken));
        }
        self.woken.drain(..).for_each(Waker::wake);
        says
    }
}
