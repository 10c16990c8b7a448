//! Why a connection was not ended in good order.

use selsyn_common::{ErrorCode, Refusal};

use super::{HookError, InsideRuntime};

/// Why a connection was not ended in good order.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DisconnectError {
    /// The master has no connection of this name.
    #[error("there is no connection named {name}")]
    UnknownConnection {
        /// The name.
        name: String,
    },
    /// The before_disconnect hook failed; the slave was not asked, the connection lives.
    #[error("the before_disconnect hook of {name} failed: {said}")]
    Hook {
        /// The connection.
        name: String,
        /// What the hook said.
        said: HookError,
    },
    /// A blocking call inside an async runtime: the slave was not asked, the connection lives.
    #[error(transparent)]
    InsideRuntime(#[from] InsideRuntime),
    /// The slave's before_disconnection hook refused (504): the connection lives, tasks run on.
    #[error("{name} refused to be disconnected: {refusal}")]
    Refused {
        /// The connection.
        name: String,
        /// Code, message and data of the slave.
        refusal: Box<Refusal>,
    },
    /// The data for the slave's hook is larger than the slave takes: the connection lives.
    #[error("the data of the goodbye has {bytes} bytes; {name} takes {limit}")]
    TooLarge {
        /// The connection.
        name: String,
        /// How large the data is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The slave did not answer in time, or could not be asked. The connection is closed all the
    /// same, and tasks that were running end LOST.
    #[error("{name} was closed without the slave's goodbye: {why}")]
    NoGoodbye {
        /// The connection.
        name: String,
        /// What happened instead.
        why: &'static str,
    },
}

impl DisconnectError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        let row = match self {
            Self::UnknownConnection { .. } => ErrorCode::UnknownConnection,
            Self::Hook { .. } => ErrorCode::DisconnectHookFailed,
            Self::InsideRuntime(_) => ErrorCode::InsideRuntime,
            Self::Refused { .. } => ErrorCode::DisconnectRefused,
            Self::TooLarge { .. } => ErrorCode::PayloadTooLarge,
            Self::NoGoodbye { .. } => ErrorCode::DisconnectTimeout,
        };
        row.as_str()
    }

    /// What the slave said, if it was the slave that said no.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}
