//! Why a blocking call gives nothing, where the async one could not fail or fails otherwise.

use std::io;

use selsyn_common::ErrorCode;

use crate::error::{Elapsed, InsideRuntime};

/// Why no master was made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MasterError {
    /// It was made inside an async runtime: use the async `Master` there.
    #[error(transparent)]
    InsideRuntime(#[from] InsideRuntime),
    /// The operating system gave no thread, no timer or no random bytes.
    #[error("the thread that carries the connections cannot be started: {0}")]
    Start(#[from] io::Error),
}

impl MasterError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InsideRuntime(error) => error.code(),
            Self::Start(_) => ErrorCode::RuntimeFailed.as_str(),
        }
    }
}

/// Why a bounded wait gave no outcome; the task goes on, and can be joined again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WaitError {
    /// It did not end in time.
    #[error(transparent)]
    Elapsed(#[from] Elapsed),
    /// A blocking call inside an async runtime.
    #[error(transparent)]
    InsideRuntime(#[from] InsideRuntime),
}

impl WaitError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Elapsed(error) => error.code(),
            Self::InsideRuntime(error) => error.code(),
        }
    }
}
