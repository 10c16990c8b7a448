//! What becomes of parts that are open when their execution ends.

use std::time::SystemTime;

use super::{Parts, kept};
use crate::part::{Part, PartStatus};
use crate::{Failure, FailureKind, Outcome, Ran, TaskStatus};

impl Parts {
    /// The execution has ended, at this moment if it is known: no part stays open.
    ///
    /// | Verdict | a part that runs | one that waits |
    /// |---|---|---|
    /// | FAILED, TIMED_OUT, LOST | FAILED, with the failure of the execution | CANCELLED |
    /// | ABORTED | CANCELLED | CANCELLED |
    /// | COMPLETED | CANCELLED: nobody has said that it succeeded | CANCELLED |
    pub fn end(&mut self, outcome: &Outcome, at: Option<SystemTime>) {
        for part in self.parts.values_mut() {
            let before = kept(part);
            part.close(outcome, at);
            self.bytes = self.bytes - before + kept(part);
        }
    }
}

impl Part {
    /// Gives it the status that follows from the verdict of its execution, if it is open.
    #[doc(hidden)]
    pub fn close(&mut self, outcome: &Outcome, at: Option<SystemTime>) {
        if self.status.is_final() {
            return;
        }
        let fails_with = match outcome.status {
            TaskStatus::Failed | TaskStatus::TimedOut | TaskStatus::Lost => outcome.failure(),
            _ => None,
        };
        let fails_with = fails_with.filter(|_| self.status != PartStatus::Waiting);
        let ran = if self.status == PartStatus::Waiting { Ran::No } else { Ran::Yes };
        (self.status, self.failure) = match fails_with {
            Some(failure) => (PartStatus::Failed, in_short(failure)),
            None => {
                let message = format!("the execution ended {} before it did", outcome.status);
                let failure = Failure::of(FailureKind::Aborted, message, ran);
                (PartStatus::Cancelled, Some(Box::new(failure)))
            }
        };
        self.revision = self.revision.saturating_add(1);
        self.reported = at.unwrap_or(self.reported);
        self.ended = at;
    }
}

/// Characters of the execution's failure that each of its parts repeats: ten thousand of them do.
const MAX_TOLD: usize = 2_048;

/// The failure in short: the whole of it stands with the execution.
fn in_short(failure: &Failure) -> Option<Box<Failure>> {
    let message: String = failure.message.chars().take(MAX_TOLD).collect();
    let mut told = Failure::of(failure.kind, message, failure.ran);
    told.still_running = failure.still_running;
    Some(Box::new(told))
}
