//! Why the result of a part cannot be read.

use super::PartStatus;
use crate::{ErrorCode, PayloadError};

/// Names that are told when one is not found.
const TOLD: usize = 10;

/// Why the result of a part of an execution cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartReadError {
    /// No part was named, and there is none (PyODPS: `No tasks`).
    #[error("there are no parts")]
    NoParts,
    /// No part was named, and there are several (PyODPS: `Multiple tasks in instance.`).
    #[error("there are multiple parts: name one of {names}")]
    SeveralParts {
        /// The first of their names.
        names: String,
    },
    /// There is no part of this name. (PyODPS gives `None`.)
    #[error("there is no part {name:?}, only {names}")]
    Unknown {
        /// The name.
        name: String,
        /// The first of the names that there are.
        names: String,
    },
    /// The part has not succeeded: it may yet, or has ended otherwise.
    #[error("part {name:?}, status={status}{why}")]
    NotSucceeded {
        /// The part.
        name: String,
        /// Where it stands.
        status: PartStatus,
        /// Why, behind a colon; empty where nothing was said.
        why: String,
    },
    /// The part succeeded and gave nothing.
    #[error("it has no result")]
    NoResult,
    /// There is only the beginning of the result: say that it will do, by
    /// [`PartResult::read_truncated`](super::PartResult::read_truncated).
    #[error("its result is truncated: there are only the first {bytes} bytes")]
    Truncated {
        /// How many bytes there are.
        bytes: usize,
    },
    /// The result is not of the type that was asked for.
    #[error(transparent)]
    Unreadable(#[from] PayloadError),
}

impl PartReadError {
    /// The row of the table of codes.
    pub const fn error_code(&self) -> ErrorCode {
        match self {
            Self::NoParts | Self::SeveralParts { .. } | Self::Unknown { .. } => {
                ErrorCode::PartNotFound
            }
            Self::NotSucceeded { .. } | Self::NoResult | Self::Truncated { .. } => {
                ErrorCode::PartResultMissing
            }
            Self::Unreadable(_) => ErrorCode::ResultUnreadable,
        }
    }

    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        self.error_code().as_str()
    }
}

/// The first of some names, and how many there are more.
pub(super) fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(TOLD);
    let told = names.take(TOLD).collect::<Vec<_>>().join(", ");
    match (told.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => told,
        (false, more) => format!("{told} and {more} more"),
    }
}
