//! The parts for which a wait for success gave nothing.

use std::error::Error;
use std::fmt;

use selsyn_common::{
    ErrorCode, ExecutionId, FailureText, Outcome, Part, PartStatus, Parts, TaskStatus,
};

/// The parts for which a wait for success gave nothing, all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct PartsFailed {
    id: ExecutionId,
    verdict: TaskStatus,
    first: Part,
    all: Vec<Part>,
}

impl PartsFailed {
    /// The parts for which an execution that has ended was no success, if it was not for their
    /// sake. One that did not complete, and in which no part has failed, has its own failure.
    pub(in crate::control) fn of(id: ExecutionId, outcome: &Outcome, parts: Parts) -> Option<Self> {
        let all: Vec<_> = parts.unsuccessful().cloned().collect();
        let failed = all.iter().find(|part| part.status == PartStatus::Failed);
        let other = || all.first().filter(|_| outcome.is_completed());
        let first = failed.or_else(other)?.clone();
        Some(Self { id, verdict: outcome.status, first, all })
    }

    /// The execution that they belong to.
    pub const fn execution(&self) -> ExecutionId {
        self.id
    }

    /// Its verdict: it may have completed although a part has failed.
    pub const fn verdict(&self) -> TaskStatus {
        self.verdict
    }

    /// The first part that has failed, or else the first that did not succeed.
    pub const fn first(&self) -> &Part {
        &self.first
    }

    /// All parts that did not succeed, in order.
    pub fn all(&self) -> &[Part] {
        &self.all
    }

    /// What the failure of the first one says, typed by its code (PyODPS: `ScriptError`,
    /// `NoSuchTable`, `ODPSError`); `None` where it has none.
    pub fn failure_text(&self) -> Option<FailureText> {
        self.first.failure_text()
    }

    /// The row of the table of codes.
    pub fn error_code(&self) -> ErrorCode {
        let failure = self.first.failure.as_deref();
        let row = failure.and_then(|failure| ErrorCode::parse(failure.code()));
        row.unwrap_or(ErrorCode::FunctionFailed)
    }
}

impl Error for PartsFailed {}

/// `execution …: part "sql", status=FAILED: ODPS-0130131:Table not found`.
impl fmt::Display for PartsFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Part { name, status, failure, .. } = &self.first;
        write!(f, "execution {}: part {name:?}, status={status}", self.id)?;
        failure.as_ref().map_or(Ok(()), |failure| write!(f, ": {failure}"))
    }
}
