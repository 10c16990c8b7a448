//! What there is to tell of a run beside how it ended, and the end of what it asked for.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use selsyn_common::Outcome;
use tracing::warn;

use super::Extras;
use crate::lifecycle::End;
use crate::panics::panic_message;
use crate::records::{Record, State};

/// What few runs have beside their end.
#[derive(Debug)]
pub(crate) struct Aside {
    memory_limit: Option<u64>,
    extras: Option<Arc<Extras>>,
}

impl Aside {
    /// Whether a run has anything beside its end: most have nothing.
    #[inline]
    pub(crate) fn is_any(record: &Record, state: &State) -> bool {
        state.asked_for().is_some() || record.function.function.about.memory_limit.is_some()
    }

    /// What a run has beside its end.
    pub(crate) fn of(record: &Record, state: &State) -> Option<Self> {
        let memory_limit = record.function.function.about.memory_limit;
        let extras = state.asked_for().cloned();
        Self::is_any(record, state).then_some(Self { memory_limit, extras })
    }

    /// The run has ended in this way; an exit code outranks it. Nothing that it asked for outlives
    /// it. What user code left is dropped here: nothing may be locked.
    pub(crate) fn wind_up(&self, end: End) -> End {
        self.close();
        let exit = self.extras.as_ref().and_then(|extras| extras.exit.get());
        exit.map_or(end, |code| End::Exited(*code))
    }

    /// Ends what the run asked for, and what it was handed and has not taken. Nothing may be locked.
    pub(crate) fn close(&self) {
        let Some(extras) = &self.extras else { return };
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| extras.close())) {
            warn!("dropping a callback panicked: {}", panic_message(panic.as_ref()));
        }
    }

    /// Adds what is known of the run to its verdict.
    pub(crate) fn adorn(&self, outcome: &mut Outcome) {
        outcome.summary.memory_limit = self.memory_limit;
        let Some(extras) = &self.extras else { return };
        outcome.summary.cpu = extras.cpu.get().copied();
        let log = extras.log();
        outcome.log_tail = (log.total_bytes() > 0).then(|| log.clone());
    }
}
