//! Why a connection was not made.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{EndpointError, ErrorCode, Refusal};

use super::{HookError, InsideRuntime};

/// Why a connection was not made.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The master has a connection of this name: choose another, or disconnect the first.
    #[error("a connection named {name} exists already; it is untouched")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The master was closed: make another one.
    #[error("the master is closed")]
    MasterClosed,
    /// The address cannot be read.
    #[error("{address:?} is no address of a slave: {source}")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        source: EndpointError,
    },
    /// The name cannot be used: take one of 1 to 256 bytes that can be seen.
    #[error("{name:?} is no name for a connection: it has 1 to 256 visible bytes")]
    Name {
        /// The name, or its beginning.
        name: String,
    },
    /// There is no tokio runtime here to carry the connection: call it in `#[tokio::main]`.
    #[error("there is no tokio runtime here to carry the connection")]
    NoRuntime,
    /// A blocking call inside an async runtime: nothing was dialled.
    #[error(transparent)]
    InsideRuntime(#[from] InsideRuntime),
    /// The address names a path, and a slave has none.
    #[error("{address} names a path, and a slave has none; give host and port")]
    Path {
        /// What was given.
        address: String,
    },
    /// A setting cannot work: change it.
    #[error("{setting} {problem}")]
    Setting {
        /// The method that sets it.
        setting: &'static str,
        /// What is wrong with the value.
        problem: &'static str,
    },
    /// The address asks for TLS, which this version does not speak.
    #[error("{address} asks for TLS, which this version does not speak; use http://")]
    Tls {
        /// What was given.
        address: String,
    },
    /// The before_connect hook failed; nothing was dialled.
    #[error("the before_connect hook of {name} failed: {said}")]
    Hook {
        /// The connection.
        name: String,
        /// What the hook said.
        said: HookError,
    },
    /// Nobody answered: start the slave, check the address, or allow more attempts.
    #[error("{name} cannot be reached at {address} ({attempts} attempts): {source}")]
    Unreachable {
        /// The connection.
        name: String,
        /// Where it was dialled.
        address: String,
        /// How often it was dialled.
        attempts: u32,
        /// What the last attempt met.
        source: Arc<dyn Error + Send + Sync>,
    },
    /// The slave said no: channel, token, version, held by another master (501), or its
    /// before_connection hook (503).
    #[error("{name} was refused at {address}: {refusal}")]
    Refused {
        /// The connection.
        name: String,
        /// Where it was dialled.
        address: String,
        /// Code, message and data of the slave.
        refusal: Box<Refusal>,
    },
    /// The connection was disconnected, detached or dropped before it was up.
    #[error("{name} was closed before it was up")]
    Closed {
        /// The connection.
        name: String,
    },
}

impl ConnectError {
    /// The row of the table of codes.
    pub fn error_code(&self) -> ErrorCode {
        match self {
            Self::NameTaken { .. } => ErrorCode::NameTaken,
            Self::MasterClosed => ErrorCode::MasterClosed,
            Self::Address { .. } | Self::Tls { .. } | Self::Path { .. } => {
                ErrorCode::AddressInvalid
            }
            Self::Name { .. } | Self::Setting { .. } => ErrorCode::SettingInvalid,
            Self::NoRuntime => ErrorCode::RuntimeFailed,
            Self::InsideRuntime(_) => ErrorCode::InsideRuntime,
            Self::Hook { .. } => ErrorCode::ConnectHookFailed,
            Self::Unreachable { source, .. } if source.is::<GreetingTimeout>() => {
                ErrorCode::GreetingTimeout
            }
            Self::Unreachable { .. } => ErrorCode::Unreachable,
            Self::Refused { refusal, .. } => refusal.reason,
            Self::Closed { .. } => ErrorCode::ConnectionGone,
        }
    }

    /// The code that people look up.
    pub fn code(&self) -> &'static str {
        self.error_code().as_str()
    }

    /// What the slave said, if it was the slave that said no.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

impl GreetingTimeout {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        ErrorCode::GreetingTimeout.as_str()
    }
}

/// The peer accepted the connection and never answered Hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it accepted the connection and did not greet within {patience:?}")]
pub struct GreetingTimeout {
    /// How long was waited.
    pub patience: Duration,
}
