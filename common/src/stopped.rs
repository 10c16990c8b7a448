//! The error of code that goes no further, as its run was asked to stop.

/// The run was asked to stop, and this is where it did.
///
/// A slave's `FunctionExecution::checkpoint()` gives it. Passed on with `?`, alone or as the source
/// of another error, it ends the run ABORTED and not FAILED.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stopped: {why}")]
pub struct Stopped {
    /// Who asked, and why.
    pub why: String,
}

impl Stopped {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        crate::ErrorCode::ExecutionAborted.as_str()
    }
}
