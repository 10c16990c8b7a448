//! Tells the slave which results were taken: it may forget them.

use selsyn_common::link::line::LineFull;
use selsyn_common::proto::{self, FromMaster, from_master::Frame};
use tokio::time::Instant;

use super::{Held, Link};

/// Results that the slave need not forget at once, if they have no more bytes than these in all: it
/// is told before whatever else is said but a start, and when it is next heard to live, after 3 s at
/// the latest. So a task that is alone costs one write and not two, and seldom a frame.
const FEW: usize = 32;
const SMALL: usize = 64 * 1024;

/// Results that were taken, and of which the slave was not told.
#[derive(Default)]
pub(super) struct Taken {
    executions: Vec<proto::ExecutionId>,
    /// How large they are.
    bytes: usize,
}

impl Taken {
    fn add(&mut self, executions: &mut Vec<proto::ExecutionId>, bytes: usize) {
        if self.executions.is_empty() {
            std::mem::swap(&mut self.executions, executions);
        } else {
            self.executions.append(executions);
        }
        self.bytes += bytes;
    }

    const fn is_much(&self) -> bool {
        self.executions.len() > FEW || self.bytes > SMALL
    }
}

impl Link {
    /// The callbacks of some tasks have returned, whose results have so many bytes; leaves none of
    /// them. True when the slave shall be told of it soon: after [`Self::wake`]. When a turn of the
    /// runtime began, and starts will follow in it, after [`Self::turn_ends`].
    pub(crate) fn results_taken(
        &self,
        executions: &mut Vec<proto::ExecutionId>,
        bytes: usize,
        turn: Option<Instant>,
    ) -> bool {
        let is_one = executions.len() == 1;
        let mut inner = self.inner();
        inner.taken.add(executions, bytes);
        if !inner.taken.is_much() {
            return false;
        }
        // Behind one that ends alone another start comes as a rule, and takes this along; where none
        // does, what is heard next sends it.
        let is_urgent = !is_one || inner.taken.bytes > SMALL;
        let put = tell(&mut inner);
        if is_urgent {
            turn.into_iter().for_each(|now| inner.tasks.turns.begins(now));
        }
        drop(inner);
        self.is_cut(put);
        is_urgent
    }

    /// Wakes the stream if something waits to be said.
    pub(crate) fn wake(&self) {
        let mut inner = self.inner();
        let put = tell(&mut inner);
        inner.wake();
        drop(inner);
        self.is_cut(put);
    }

    /// Tells the slave that the master lives.
    pub(crate) fn beat(&self) {
        self.inner().beat();
    }

    /// The turn is over that began with [results that were taken](Self::results_taken): wakes the
    /// stream.
    pub(crate) fn turn_ends(&self) {
        let mut inner = self.inner();
        inner.tasks.turns.ends(self.settings.start_deadline, Instant::now);
        inner.wake();
    }
}

/// Says which results were taken, if there is a session, and lets the stream sleep.
pub(super) fn tell(inner: &mut Held<'_>) -> Result<(), LineFull> {
    let Taken { executions, .. } = std::mem::take(&mut inner.taken);
    if executions.is_empty() || inner.session.is_none() {
        return Ok(());
    }
    let taken = Frame::ResultsTaken(proto::ResultsTaken { executions });
    inner.put(FromMaster { frame: Some(taken) })
}
