//! Why several connections are no group, and why a group gives no values.

use selsyn_common::{ErrorCode, FailedTask, PayloadError};

use super::InsideRuntime;
use crate::group::GroupOutcome;

/// Why a group, or its policy, cannot be used. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidGroup {
    /// There is nobody in it.
    #[error("a group needs at least one connection")]
    Empty,
    /// A connection is in it twice: name it once.
    #[error("connection {connection} is in the group twice")]
    Twice {
        /// The connection.
        connection: String,
    },
    /// The master has no connection of this name: connect first.
    #[error("there is no connection named {name}")]
    UnknownConnection {
        /// The name.
        name: String,
    },
    /// The group cannot have so many completed members: ask for 1 at least, for all at most.
    #[error("{needed} members cannot have to complete in a group of {members}")]
    Needed {
        /// How many had to complete.
        needed: usize,
        /// How many there are.
        members: usize,
    },
}

impl InvalidGroup {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownConnection { .. } => ErrorCode::UnknownConnection.as_str(),
            Self::Empty | Self::Twice { .. } | Self::Needed { .. } => {
                ErrorCode::SettingInvalid.as_str()
            }
        }
    }
}

/// Why a group of tasks gives no values.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GroupError {
    /// Fewer members completed than had to. A function that passes this on with `?` fails as the
    /// first member did that failed.
    #[error("{outcome}")]
    NotCompleted {
        /// How each member ended.
        outcome: Box<GroupOutcome>,
        /// The first member that failed, with the sentence about the group as its message.
        source: FailedTask,
    },
    /// Enough completed, and a value is not of the type that was asked for.
    #[error("the value of {connection} cannot be read: {source}")]
    Unreadable {
        /// The connection.
        connection: String,
        /// Where the reading failed.
        source: PayloadError,
    },
    /// A blocking call inside an async runtime: the group is untouched, and can be joined again.
    #[error(transparent)]
    InsideRuntime(#[from] InsideRuntime),
}

impl GroupError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotCompleted { .. } => ErrorCode::GroupFailed.as_str(),
            Self::Unreadable { .. } => ErrorCode::ResultUnreadable.as_str(),
            Self::InsideRuntime(error) => error.code(),
        }
    }

    /// How each member ended, when too few completed.
    pub fn outcome(&self) -> Option<&GroupOutcome> {
        match self {
            Self::NotCompleted { outcome, .. } => Some(outcome),
            Self::Unreadable { .. } | Self::InsideRuntime(_) => None,
        }
    }
}
