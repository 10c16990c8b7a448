//! The verdict of an execution, kept until its master takes it.

use std::sync::Arc;

use selsyn_common::{Outcome, Payload, Summary, proto};

use super::State;
use crate::session::Session;

/// What is kept of an end.
#[derive(Debug, Default)]
pub(super) enum Kept {
    /// It has not ended.
    #[default]
    Nothing,
    /// It has returned a value; most do.
    Value { value: Payload, summary: proto::Summary },
    /// It has ended otherwise, or there is more to tell.
    Otherwise(Box<Outcome>),
}

impl State {
    /// Keeps the verdict with its figures, until its master takes it.
    pub(crate) fn keep(&mut self, outcome: Outcome, now: u64) {
        let Summary { queued, ran, .. } = self.figures(now).into();
        let summary = Summary { queued, ran, ..outcome.summary };
        self.more().kept = Kept::Otherwise(Box::new(Outcome { summary, ..outcome }));
    }

    /// Keeps the value that it returned, of which there is nothing more to tell.
    #[inline(always)]
    pub(crate) fn keep_value(&mut self, value: Payload, now: u64) {
        let summary = self.figures(now);
        self.more().kept = Kept::Value { value, summary };
    }

    pub(super) fn kept(&self) -> &Kept {
        self.more.as_ref().map_or(&Kept::Nothing, |more| &more.kept)
    }

    /// Forgets an execution that has ended; gives how many bytes its result has, and its heir.
    pub(super) fn take_result(&mut self) -> Option<(usize, Option<Arc<Session>>)> {
        let bytes = self.result_bytes()?;
        self.is_forgotten = true;
        Some((bytes, self.heir().cloned()))
    }

    /// How many bytes the result has that is kept, if one is.
    pub(crate) fn result_bytes(&self) -> Option<usize> {
        match self.kept() {
            Kept::Nothing => None,
            Kept::Otherwise(outcome) => Some(outcome.value().map_or(0, Payload::len)),
            Kept::Value { value, .. } => Some(value.len()),
        }
    }
}
