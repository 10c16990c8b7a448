//! By what an execution's status is looked for.

use std::str::FromStr;

use super::Phase;
use crate::TaskStatus;

/// A phase or a verdict to look for. Read from its name in any case, as PyODPS does.
///
/// ```
/// use selsyn_common::{Phase, StatusFilter, TaskStatus};
///
/// assert_eq!("running".parse(), Ok(StatusFilter::Phase(Phase::Running)));
/// assert_eq!("Terminated".parse(), Ok(StatusFilter::Phase(Phase::Ended)));
/// assert_eq!("timed_out".parse(), Ok(StatusFilter::Verdict(TaskStatus::TimedOut)));
/// assert!("runing".parse::<StatusFilter>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StatusFilter {
    /// Executions that have come this far.
    Phase(Phase),
    /// Executions that ended so.
    Verdict(TaskStatus),
}

impl From<Phase> for StatusFilter {
    fn from(phase: Phase) -> Self {
        Self::Phase(phase)
    }
}

/// One that is no verdict finds nothing.
impl From<TaskStatus> for StatusFilter {
    fn from(verdict: TaskStatus) -> Self {
        Self::Verdict(verdict)
    }
}

/// A word that is no status.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no status to look for: it is one of {}", StatusFilter::names().join(", "))]
pub struct UnknownStatus {
    /// The word, or its beginning.
    pub word: String,
}

impl UnknownStatus {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        crate::ErrorCode::FilterInvalid.as_str()
    }
}

impl StatusFilter {
    fn names() -> Vec<&'static str> {
        let verdicts = TaskStatus::ALL.iter().filter(|status| status.is_verdict());
        Phase::ALL.iter().map(|phase| phase.name()).chain(verdicts.map(|s| s.name())).collect()
    }
}

impl FromStr for StatusFilter {
    type Err = UnknownStatus;

    fn from_str(word: &str) -> Result<Self, UnknownStatus> {
        if word.eq_ignore_ascii_case("terminated") {
            return Ok(Phase::Ended.into());
        }
        let phase = Phase::ALL.into_iter().find(|phase| phase.name().eq_ignore_ascii_case(word));
        let mut verdicts = TaskStatus::ALL.into_iter().filter(|status| status.is_verdict());
        let verdict = verdicts.find(|verdict| verdict.name().eq_ignore_ascii_case(word));
        let found = phase.map(Self::Phase).or(verdict.map(Self::Verdict));
        found.ok_or_else(|| UnknownStatus { word: word.chars().take(64).collect() })
    }
}
