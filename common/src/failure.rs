//! Says why an execution did not complete, or was not even begun.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, IntoPayload, Payload};

/// Longest trace a failure carries, in lines.
pub const MAX_TRACE_LINES: usize = 32;

/// Whether user code ran. Every failure and every refusal says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Ran {
    /// User code did not run: sending the task again is safe.
    No,
    /// User code ran, at least in part.
    Yes,
    /// Nobody knows: think before sending it again.
    Unknown,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::No => "the function did not run",
            Self::Yes => "the function ran",
            Self::Unknown => "nobody knows whether the function ran",
        })
    }
}

/// What kind of failure ended an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum FailureKind {
    /// The function returned an error.
    Function,
    /// The function panicked.
    Panicked,
    /// The arguments could not be read (`ran: No`), or the result not be encoded (`ran: Yes`).
    Encode,
    /// The result was over the limit.
    TooLarge,
    /// The initializer failed, at each of its attempts.
    InitFailed,
    /// The initializer took longer than its time-out, at its last attempt.
    InitTimedOut,
    /// A deadline fired.
    TimedOut,
    /// It was asked to stop and did.
    Aborted,
    /// It was asked to stop, did not, and was stopped after the grace (CloudPSS: forced).
    Killed,
    /// It ran out of memory.
    OutOfMemory,
    /// Contact was lost for longer than the resume window.
    Lost,
    /// The start was refused.
    Refused,
}

/// Why an execution did not complete.
///
/// A function returns it as its error. Any other error, and any text, becomes a `Failure` through
/// `?`: its message is the error's, its trace the chain of sources. An error about another task
/// passes that task's failure on: see [`FailedTask`](crate::FailedTask). For that reason `Failure`
/// is not itself a [`std::error::Error`]; the master's `JoinError` wraps it as one.
///
/// ```
/// use selsyn_common::Failure;
/// use serde_json::json;
///
/// fn positive(text: &str) -> Result<i64, Failure> {
///     let number: i64 = text.parse()?;
///     if number < 0 {
///         return Err(Failure::new("negative").with_data(json!({"number": number})));
///     }
///     Ok(number)
/// }
/// assert_eq!(positive("x").unwrap_err().message, "invalid digit found in string");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// One sentence for people, in the user's names.
    pub message: String,
    /// What the function gave along (DI-engine: the `result` of `TaskFail`).
    pub data: Option<Payload>,
    /// Causes, outermost first; at most [`MAX_TRACE_LINES`].
    pub trace: Vec<String>,
    /// Whether user code ran.
    pub ran: Ran,
    /// User code was still running when the verdict was given.
    pub still_running: bool,
    /// A value that the function returned although it had been asked to stop.
    pub partial: Option<Box<Payload>>,
}

impl Failure {
    /// A function's own failure: kind [`FailureKind::Function`], `ran: Yes`.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(FailureKind::Function, message, Ran::Yes)
    }

    /// A failure of any kind.
    pub fn of(kind: FailureKind, message: impl Into<String>, ran: Ran) -> Self {
        Self {
            kind,
            message: message.into(),
            data: None,
            trace: Vec::new(),
            ran,
            still_running: false,
            partial: None,
        }
    }

    /// Adds data for the caller. Data that cannot be encoded is left out, and the trace says so.
    #[must_use]
    pub fn with_data(mut self, data: impl IntoPayload) -> Self {
        match data.into_payload() {
            Ok(data) => self.data = Some(data),
            Err(error) => self.push_trace(error.to_string()),
        }
        self
    }

    /// Adds a line to the trace; lines beyond [`MAX_TRACE_LINES`] are left out.
    pub fn push_trace(&mut self, line: impl Into<String>) {
        if self.trace.len() < MAX_TRACE_LINES {
            self.trace.push(line.into());
        }
    }

    /// The row of the table of codes.
    pub const fn code(&self) -> &'static str {
        match self.kind {
            FailureKind::TimedOut => ErrorCode::ExecutionTimedOut.as_str(),
            FailureKind::Aborted | FailureKind::Killed => ErrorCode::ExecutionAborted.as_str(),
            FailureKind::Lost => ErrorCode::ExecutionLost.as_str(),
            FailureKind::TooLarge => ErrorCode::PayloadTooLarge.as_str(),
            FailureKind::Encode => match self.ran {
                Ran::No => ErrorCode::DataInvalid.as_str(),
                Ran::Yes | Ran::Unknown => ErrorCode::NotEncodable.as_str(),
            },
            FailureKind::Refused => ErrorCode::TaskRefused.as_str(),
            FailureKind::Function
            | FailureKind::Panicked
            | FailureKind::InitFailed
            | FailureKind::InitTimedOut
            | FailureKind::OutOfMemory => ErrorCode::FunctionFailed.as_str(),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Self {
        crate::failed_task::failure_of(&*error.into())
    }
}

/// Why something was not done: the answer of a slave's hook, or of its admission.
///
/// Hooks make one with [`Refusal::new`], or of any text through `?`. What was refused has not run:
/// a refusal always means [`Ran::No`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The row of the table of codes; set by the slave.
    pub reason: ErrorCode,
    /// The hook's own number, or DI-engine's number for the reason.
    pub code: u16,
    /// One sentence for people, in the user's names.
    pub message: String,
    /// What the hook gave along.
    pub data: Option<Payload>,
    /// Pause before another try makes sense; `None` where waiting does not help.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A hook's refusal: DI-engine's `TaskRefuse`, `ConnectionRefuse`, `DisconnectionRefuse`.
    pub fn new(message: impl Into<String>) -> Self {
        Self::because(ErrorCode::TaskRefused, message)
    }

    /// A refusal for a reason of the table.
    pub fn because(reason: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            reason,
            code: reason.di_engine(),
            message: message.into(),
            data: None,
            retry_after: None,
        }
    }

    /// Replaces DI-engine's number by the hook's own.
    #[must_use]
    pub const fn with_code(mut self, code: u16) -> Self {
        self.code = code;
        self
    }

    /// Adds data for the caller. Data that cannot be encoded is left out, and the message says so.
    #[must_use]
    pub fn with_data(mut self, data: impl IntoPayload) -> Self {
        match data.into_payload() {
            Ok(data) => self.data = Some(data),
            Err(error) => self.message = format!("{} ({error})", self.message),
        }
        self
    }

    /// Adds the pause before another try.
    #[must_use]
    pub const fn with_retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// Files the refusal under the question it answers; a number of the hook's own stays.
    #[must_use]
    pub fn filed_under(mut self, reason: ErrorCode) -> Self {
        if self.code == self.reason.di_engine() {
            self.code = reason.di_engine();
        }
        self.reason = reason;
        self
    }
}

impl<T: Into<String>> From<T> for Refusal {
    fn from(message: T) -> Self {
        Self::new(message)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_ordinary_error_becomes_a_failure_with_its_causes() {
        let cause = io::Error::other(io::Error::new(io::ErrorKind::NotFound, "no weights"));
        let failure = Failure::from(cause);
        assert_eq!(failure.message, "no weights");
        assert_eq!((failure.kind, failure.ran), (FailureKind::Function, Ran::Yes));
        assert!(!failure.trace.is_empty());
    }

    #[test]
    fn a_trace_is_bounded() {
        let mut failure = Failure::new("deep");
        (0..100).for_each(|line| failure.push_trace(line.to_string()));
        assert_eq!(failure.trace.len(), MAX_TRACE_LINES);
    }

    #[test]
    fn a_refusal_takes_the_number_of_its_question_unless_the_hook_gave_its_own() {
        let filed = Refusal::new("no").filed_under(ErrorCode::ConnectionRefused);
        assert_eq!((filed.reason, filed.code), (ErrorCode::ConnectionRefused, 503));
        let own = Refusal::new("no").with_code(7).filed_under(ErrorCode::ConnectionRefused);
        assert_eq!(own.code, 7);
    }
}
