//! How a task ended, as its cell keeps it.

use selsyn_common::{ExecutionId, Outcome, Payload, Ran, TaskStatus, proto};

/// How a task ended. Most complete: their value is kept where the task is, as an outcome has room
/// for a failure and is large.
#[derive(Debug, Default)]
pub(crate) enum End {
    /// It has not.
    #[default]
    None,
    Completed(Completed),
    Other(Box<Outcome>),
}

/// What a task gave that completed.
#[derive(Debug)]
pub(crate) struct Completed {
    /// It shares the memory of the batch it came in. To copy it out would cost every task an
    /// allocation, for the sake of those who keep few of many results for long.
    pub(crate) value: Payload,
    /// As it came, in half the room.
    pub(crate) summary: proto::Summary,
}

impl End {
    pub(crate) const fn is_some(&self) -> bool {
        !matches!(self, Self::None)
    }

    /// How many bytes the value has, if there is one.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Completed(Completed { value, .. }) => value.len(),
            Self::Other(outcome) => outcome.value().map_or(0, Payload::len),
        }
    }

    /// The verdict, which an end has.
    pub(crate) fn status(&self) -> TaskStatus {
        match self {
            Self::None => TaskStatus::Lost,
            Self::Completed(..) => TaskStatus::Completed,
            Self::Other(outcome) => outcome.status,
        }
    }

    /// As the user sees it: the end of this run.
    pub(crate) fn outcome(&self, of: ExecutionId) -> Option<Outcome> {
        let mut outcome = match self {
            Self::None => return None,
            Self::Completed(Completed { value, summary }) => {
                let outcome = Outcome::completed(value.clone());
                Outcome { summary: (*summary).into(), ..outcome }
            }
            Self::Other(outcome) => (**outcome).clone(),
        };
        outcome.summary.execution = Some(of);
        Some(outcome)
    }

    /// Whether user code has run.
    pub(crate) fn has_run(&self) -> bool {
        match self {
            Self::None => false,
            Self::Completed(..) => true,
            Self::Other(outcome) => outcome.failure().is_none_or(|failure| failure.ran == Ran::Yes),
        }
    }

    /// Adds messages of hooks and callbacks that panicked.
    pub(crate) fn add_panics(&mut self, of: ExecutionId, panics: &mut Vec<String>) {
        if panics.is_empty() {
            return;
        }
        if let Some(outcome) = self.outcome(of) {
            *self = Self::Other(Box::new(outcome));
        }
        if let Self::Other(outcome) = self {
            outcome.callback_panics.append(panics);
        }
    }
}

impl From<Outcome> for End {
    fn from(outcome: Outcome) -> Self {
        Self::Other(Box::new(outcome))
    }
}
