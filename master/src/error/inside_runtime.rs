//! Why a blocking call was not done: the thread it would wait on is an async runtime's.

use selsyn_common::ErrorCode;

/// A call of [`blocking`](crate::blocking) was made inside an async runtime, where a wait would
/// hold up everything else on its thread. Nothing was done.
///
/// Await the async name instead, or make the call in `tokio::task::spawn_blocking`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{call} waits, and was called inside an async runtime, whose thread it would hold up: await \
     the async name, or call it in spawn_blocking"
)]
#[non_exhaustive]
pub struct InsideRuntime {
    /// Which call.
    pub call: &'static str,
}

impl InsideRuntime {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        ErrorCode::InsideRuntime.as_str()
    }
}
