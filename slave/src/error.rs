//! Why a slave could not be built, or could not go on serving.

use std::io;

use selsyn_common::ErrorCode;

/// Why a slave could not be built or bound.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// Two functions have the same name: rename one of them.
    #[error("a function named {name} is registered already")]
    FunctionTwice {
        /// The name.
        name: String,
    },
    /// A function's name cannot be used.
    #[error(
        "the function name {name:?} cannot be used: a name has 1 to 128 visible characters and no spaces"
    )]
    FunctionName {
        /// The name.
        name: String,
    },
    /// A setting cannot work.
    #[error("{setting} {problem}")]
    Setting {
        /// The method of the builder that sets it.
        setting: &'static str,
        /// What is wrong with the value.
        problem: &'static str,
    },
    /// The address is reachable from other machines, and the slave has no token: call
    /// `.token(..)`, or bind a loopback address.
    #[error(
        "a slave without a token does not listen on {address}, which other machines can reach: give it a token, or bind 127.0.0.1"
    )]
    BindWithoutToken {
        /// The address.
        address: String,
    },
    /// The address cannot be read: give `host:port`, or a bare host for port 7236.
    #[error("{address:?} is no address to listen on: give host:port, or a bare host")]
    Address {
        /// What was given.
        address: String,
    },
    /// Another program listens there: stop it, or bind another port (`:0` takes a free one).
    #[error("another program listens on {address}")]
    AddressInUse {
        /// The address.
        address: String,
    },
    /// The address cannot be listened on for another reason.
    #[error("the slave cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The function runtime could not be started.
    #[error("the function runtime cannot be started: {0}")]
    FunctionRuntime(#[source] io::Error),
    /// A slave is built inside a tokio runtime, which serves it: call it in `#[tokio::main]`.
    #[error("there is no tokio runtime here to serve the slave")]
    NoRuntime,
    /// The operating system gave no random bytes for ids and secrets.
    #[error("the operating system gives no random bytes: {0}")]
    Random(#[source] io::Error),
}

impl BuildError {
    pub(crate) const fn setting(setting: &'static str, problem: &'static str) -> Self {
        Self::Setting { setting, problem }
    }

    pub(crate) fn bind(address: &str, source: io::Error) -> Self {
        let address = address.to_owned();
        if source.kind() == io::ErrorKind::AddrInUse {
            Self::AddressInUse { address }
        } else {
            Self::Bind { address, source }
        }
    }

    /// The row of the table of codes.
    pub const fn code(&self) -> &'static str {
        let row = match self {
            Self::FunctionTwice { .. } => ErrorCode::FunctionTwice,
            Self::FunctionName { .. } => ErrorCode::FunctionName,
            Self::Setting { .. } => ErrorCode::SettingInvalid,
            Self::BindWithoutToken { .. } => ErrorCode::BindWithoutToken,
            Self::Address { .. } => ErrorCode::AddressInvalid,
            Self::AddressInUse { .. } => ErrorCode::AddressInUse,
            Self::Bind { .. } => ErrorCode::BindFailed,
            Self::FunctionRuntime(_) | Self::NoRuntime | Self::Random(_) => {
                ErrorCode::RuntimeFailed
            }
        };
        row.as_str()
    }
}

/// Why a slave had to stop serving.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The transport failed as a whole.
    #[error("the slave cannot go on serving: {0}")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The task that serves was ended from outside, by the end of its runtime.
    #[error("the runtime that served the slave has ended")]
    RuntimeEnded,
}

impl ServeError {
    /// The row of the table of codes.
    pub const fn code(&self) -> &'static str {
        ErrorCode::ServeFailed.as_str()
    }
}
