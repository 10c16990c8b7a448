//! Where a part of an execution stands.

use std::fmt;
use std::str::FromStr;

/// Where a part of an execution stands. The words are PyODPS's.
///
/// ```text
/// Waiting ─▶ Running ─▶ Success │ Failed │ Cancelled
///    └─────────────────────▲
/// ```
///
/// Read from its name in any case:
///
/// ```
/// use selsyn_common::PartStatus;
///
/// assert_eq!("Success".parse(), Ok(PartStatus::Success));
/// assert_eq!(PartStatus::Success.to_string(), "SUCCESS");
/// assert!("succeeded".parse::<PartStatus>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PartStatus {
    /// It has not begun.
    Waiting,
    /// It runs.
    Running,
    /// It has ended well.
    Success,
    /// It has failed.
    Failed,
    /// It is held up. No slave says so; it is read and printed for the sake of those who do.
    Suspended,
    /// It was stopped, or never came to its end.
    Cancelled,
}

impl PartStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Waiting,
        Self::Running,
        Self::Success,
        Self::Failed,
        Self::Suspended,
        Self::Cancelled,
    ];

    /// Its word, as `WAITING`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Running => "RUNNING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
            Self::Suspended => "SUSPENDED",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Whether nothing comes after it.
    pub const fn is_final(self) -> bool {
        match self {
            Self::Waiting | Self::Running | Self::Suspended => false,
            Self::Success | Self::Failed | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for PartStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no status of a part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no status of a part: it is one of {}", PartStatus::ALL.map(PartStatus::name).join(", "))]
pub struct UnknownPartStatus {
    /// The word, or its beginning.
    pub word: String,
}

impl UnknownPartStatus {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        crate::ErrorCode::FilterInvalid.as_str()
    }
}

impl FromStr for PartStatus {
    type Err = UnknownPartStatus;

    fn from_str(word: &str) -> Result<Self, UnknownPartStatus> {
        let found = Self::ALL.into_iter().find(|status| status.name().eq_ignore_ascii_case(word));
        found.ok_or_else(|| UnknownPartStatus { word: word.chars().take(64).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_read_in_any_case_and_nothing_else_is() {
        for status in PartStatus::ALL {
            assert_eq!(status.name().parse(), Ok(status));
            assert_eq!(status.name().to_lowercase().parse(), Ok(status));
        }
        let error = "done".parse::<PartStatus>().unwrap_err();
        assert!(
            error.to_string().ends_with("WAITING, RUNNING, SUCCESS, FAILED, SUSPENDED, CANCELLED")
        );
    }
}
