//! A line of an execution's log.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Verb;

/// How grave a log line is. The six words are CloudPSS's.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Someone must act now.
    Critical,
    /// Something failed.
    Error,
    /// Something was worked around.
    Warning,
    /// What a reader wants to know.
    #[default]
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

/// One line of an execution's log.
///
/// Serialises as the data of CloudPSS's envelope, without key and verb.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogLine {
    /// Names the line, so that a later one acts on it; default none.
    #[serde(skip)]
    pub key: Option<String>,
    /// What it does to the line of the same key; default [`Verb::Replace`].
    #[serde(skip)]
    pub verb: Verb,
    /// How grave it is.
    #[serde(default)]
    pub level: LogLevel,
    /// The text, as the function gave it.
    pub content: String,
    /// Whether the text is HTML; default false. It is for the reader to make it harmless.
    #[serde(default)]
    pub html: bool,
}

impl LogLine {
    pub(super) const VERBS: &[Verb] = &[Verb::Replace, Verb::Append, Verb::Prepend];

    /// A line of plain text without a key.
    pub fn new(level: LogLevel, content: impl fmt::Display) -> Self {
        Self { level, content: content.to_string(), ..Self::default() }
    }

    /// Names the line, so that a later one with the same key acts on it.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What it does to the line of the same key: `Replace`, `Append` or `Prepend`.
    #[must_use]
    pub const fn verb(mut self, verb: Verb) -> Self {
        self.verb = verb;
        self
    }

    /// Says that the text is HTML.
    #[must_use]
    pub const fn html(mut self) -> Self {
        self.html = true;
        self
    }
}
