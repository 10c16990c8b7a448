//! Says how an execution ended, and what a running one shows.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Failure, FailureKind, Payload, Ran, TaskStatus};

/// How an execution ended: the verdict, value or failure, and the figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The verdict; any final status.
    pub status: TaskStatus,
    /// What the function returned, or why there is nothing.
    pub result: Result<Payload, Failure>,
    /// Figures about the execution.
    pub summary: Summary,
    /// Messages of callbacks and hooks of the master that panicked; the others ran all the same.
    pub callback_panics: Vec<String>,
}

impl Outcome {
    /// The function returned a value.
    pub fn completed(value: Payload) -> Self {
        Self::new(TaskStatus::Completed, Ok(value))
    }

    /// Anything else happened; `status` is the verdict.
    pub fn failed(status: TaskStatus, failure: Failure) -> Self {
        Self::new(status, Err(failure))
    }

    /// Nobody can say any more how it ended.
    pub fn lost(message: impl Into<String>, ran: Ran) -> Self {
        Self::failed(TaskStatus::Lost, Failure::of(FailureKind::Lost, message, ran))
    }

    fn new(status: TaskStatus, result: Result<Payload, Failure>) -> Self {
        Self { status, result, summary: Summary::default(), callback_panics: Vec::new() }
    }

    /// Whether the function returned a value.
    pub const fn is_completed(&self) -> bool {
        self.result.is_ok()
    }

    /// What the function returned.
    pub fn value(&self) -> Option<&Payload> {
        self.result.as_ref().ok()
    }

    /// Why there is no value.
    pub fn failure(&self) -> Option<&Failure> {
        self.result.as_ref().err()
    }
}

/// Figures about one execution, given however it ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Time between acceptance and the first user instruction.
    pub queued: Duration,
    /// Time that user code ran.
    pub ran: Duration,
}

/// How grave a log line is. The six words are CloudPSS's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Someone must act now.
    Critical,
    /// Something failed.
    Error,
    /// Something was worked around.
    Warning,
    /// What a reader wants to know.
    Info,
    /// More than most readers want.
    Verbose,
    /// For the function's author.
    Debug,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Verbose => "verbose",
            Self::Debug => "debug",
        })
    }
}

/// How far an execution has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// Which bar; [`Progress::DEFAULT_KEY`] where the function names none.
    pub key: String,
    /// Between 0 and 1.
    pub value: f64,
    /// What the bar is about.
    pub title: String,
}

impl Progress {
    /// The key of a bar that the function did not name, as in CloudPSS.
    pub const DEFAULT_KEY: &str = "progress-1";
}

/// One line of an execution's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// How grave it is.
    pub level: LogLevel,
    /// The text, as the function gave it.
    pub content: String,
}

/// Something a running function shows, with its place in the execution's event log.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Place in the log, from 1; a hole in the row is a loss.
    pub seq: u64,
    /// What is shown.
    pub content: OutputContent,
}

/// What is shown.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum OutputContent {
    /// How far it has come.
    Progress(Progress),
    /// A line of its log.
    Log(LogLine),
}
