//! The verdict of an execution, kept until its master takes it.

use std::sync::Arc;

use bytes::Bytes;
use selsyn_common::link::quick::ShortVerdict;
use selsyn_common::{ExecutionId, Outcome, Payload, Summary, proto};

use super::State;
use super::course::Told;
use crate::session::Session;

/// What is kept of an end.
#[derive(Debug, Default)]
pub(super) enum Kept {
    /// It has not ended; the room is of a former one.
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
        *self.kept_mut() = Kept::Otherwise(Box::new(Outcome { summary, ..outcome }));
    }

    /// Keeps the value that it returned, of which there is nothing more to tell.
    #[inline(always)]
    pub(crate) fn keep_value(&mut self, value: Payload, now: u64) {
        let summary = self.figures(now);
        let kept = self.kept_mut();
        // So the value is written where it is kept: nothing there has to be dropped first.
        *kept = Kept::Nothing;
        *kept = Kept::Value { value, summary };
    }

    /// The common verdict that is kept, if it is one.
    #[inline(always)]
    pub(crate) fn short_verdict(&self, id: ExecutionId) -> Option<ShortVerdict<&Bytes>> {
        let Kept::Value { value, summary } = self.kept() else { return None };
        let kind = proto::PayloadKind::from(value.kind()).into();
        let (value, summary) = (value.as_bytes(), *summary);
        Some(ShortVerdict { execution: id.into(), kind, value, summary })
    }

    /// How it ended, and when, if it has.
    pub(crate) fn outcome(&self) -> Option<(proto::Outcome, u64)> {
        let outcome = match self.kept() {
            Kept::Nothing => return None,
            Kept::Otherwise(outcome) => Outcome::clone(outcome).into(),
            Kept::Value { value, summary } => proto::Outcome {
                status: proto::Status::Completed.into(),
                result: Some(proto::outcome::Result::Value(value.clone().into())),
                summary: Some(*summary),
                measured: None,
            },
        };
        let summary = outcome.summary.unwrap_or_default();
        Some((outcome, self.came() + summary.queued_micros + summary.ran_micros))
    }

    /// Its verdict, and when it had it, if it has.
    pub(crate) fn verdict(&self) -> Option<(proto::Status, u64)> {
        let (status, summary) = match self.kept() {
            Kept::Nothing => return None,
            Kept::Otherwise(outcome) => (outcome.status.into(), outcome.summary.into()),
            Kept::Value { summary, .. } => (proto::Status::Completed, *summary),
        };
        Some((status, self.came() + summary.queued_micros + summary.ran_micros))
    }

    pub(super) fn kept(&self) -> &Kept {
        self.kept.as_deref().unwrap_or(&Kept::Nothing)
    }

    fn kept_mut(&mut self) -> &mut Kept {
        self.kept.get_or_insert_default()
    }

    /// Forgets an execution that has ended, once; gives how many bytes its result has, its heir,
    /// and whether more was told of it than its verdict.
    pub(crate) fn take_result(&mut self) -> Option<(usize, Option<Arc<Session>>, bool)> {
        if self.is_forgotten {
            return None;
        }
        let bytes = self.result_bytes()?;
        self.is_forgotten = true;
        Some((bytes, self.heir().cloned(), self.told > Told::Nothing))
    }

    /// How many bytes an outcome has, with what the parts of the run gave.
    pub(crate) fn bytes_of(&self, outcome: &Outcome) -> usize {
        let parts = self.asked_for().map_or(0, |extras| extras.parts().bytes());
        outcome.value().map_or(0, Payload::len) + parts
    }

    /// How many bytes the result has that is kept, if one is.
    pub(crate) fn result_bytes(&self) -> Option<usize> {
        match self.kept() {
            Kept::Nothing => None,
            Kept::Otherwise(outcome) => Some(self.bytes_of(outcome)),
            Kept::Value { value, .. } => Some(value.len()),
        }
    }
}
