//! Why something cannot be reported of a part.

use super::PartStatus;
use crate::{ErrorCode, PayloadError};

/// Why something that a function wanted to report of a part was not taken. Nothing of it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PartError {
    /// A name that no part can have.
    #[error("the name of a part {problem}: {name:?}")]
    Name {
        /// The name, or its beginning.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The execution has a part of this name: report through the handle that it was given.
    #[error("there is a part {name:?} already: report on through its handle")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// The execution has as many parts as it may: one part can have many stages.
    #[error("an execution has at most {limit} parts: report stages of fewer parts")]
    TooMany {
        /// The most there may be.
        limit: u32,
    },
    /// A stage that cannot be shown.
    #[error("stage {stage:?} {problem}")]
    Stage {
        /// Its name, or the beginning of it.
        stage: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// More stages than a part may have.
    #[error("part {name:?} has more than {limit} stages: report fewer")]
    TooManyStages {
        /// The part.
        name: String,
        /// The most there may be.
        limit: usize,
    },
    /// One part that is too large: keep its result elsewhere, and report where, or its beginning as
    /// [`PartResult::truncated`](super::PartResult::truncated).
    #[error(
        "part {name:?} of {bytes} bytes is over the limit of {limit}: report where its result is, \
         or its beginning as a truncated one"
    )]
    TooLarge {
        /// The part.
        name: String,
        /// Its size.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
    /// All parts together are too large: keep results elsewhere, and report where.
    #[error(
        "all parts together have {bytes} bytes, over the limit of {limit}: report where the results are"
    )]
    TooLargeTogether {
        /// Their size.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
    /// The part has ended, and stays so.
    #[error("part {name:?} has ended {status}: nothing more can be reported of it")]
    Ended {
        /// The part.
        name: String,
        /// How it ended.
        status: PartStatus,
    },
    /// The execution has ended, and its parts with it.
    #[error("the execution has ended: nothing more can be reported of its parts")]
    ExecutionEnded,
    /// The result has no JSON form.
    #[error("the result of a part cannot be encoded: {0}")]
    NotEncodable(#[from] PayloadError),
}

impl PartError {
    /// The row of the table of codes.
    pub const fn error_code(&self) -> ErrorCode {
        match self {
            Self::Name { .. }
            | Self::Duplicate { .. }
            | Self::Stage { .. }
            | Self::Ended { .. } => ErrorCode::PartInvalid,
            Self::TooMany { .. }
            | Self::TooManyStages { .. }
            | Self::TooLarge { .. }
            | Self::TooLargeTogether { .. } => ErrorCode::PartTooLarge,
            Self::ExecutionEnded => ErrorCode::TaskEnded,
            Self::NotEncodable(_) => ErrorCode::NotEncodable,
        }
    }

    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        self.error_code().as_str()
    }
}
