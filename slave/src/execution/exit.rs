//! Ends a run early, from wherever its code is.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::FunctionExecution;

/// The run has ended with this code: what [`FunctionExecution::exit`] gives.
///
/// An async function awaits it, and never comes back; a blocking one returns it as its error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    code: i32,
}

impl Exit {
    /// The code.
    pub const fn code(self) -> i32 {
        self.code
    }
}

/// Never ready: the function is dropped while it waits.
impl Future for Exit {
    type Output = Infallible;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Infallible> {
        Poll::Pending
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the function ended with exit code {}", self.code)
    }
}

impl Error for Exit {}

impl FunctionExecution {
    /// Ends the run with a code, as a process would (CloudPSS: `exit`); the first code counts,
    /// whatever the function returns.
    ///
    /// | | code 0 | any other |
    /// |---|---|---|
    /// | not asked to stop | COMPLETED, with the value `null` (resolved) | FAILED (rejected) |
    /// | asked to stop | ABORTED (aborted) | FAILED (rejected) |
    ///
    /// May be called from any thread in the run's [`scope`](Self::scope). An async function is
    /// dropped at its next `.await`; a blocking one goes on until it returns, and
    /// [`checkpoint`](Self::checkpoint) tells it to. Never ends the process.
    ///
    /// ```
    /// use selsyn_common::Failure;
    /// use selsyn_slave::{FunctionExecution, blocking, function};
    ///
    /// let early = function(|execution: FunctionExecution, (): ()| async move {
    ///     execution.exit(0).await;
    ///     Ok::<_, Failure>("never reached")
    /// });
    /// let early = blocking(|execution: FunctionExecution, (): ()| {
    ///     Err::<(), Failure>(execution.exit(3).into())
    /// });
    /// ```
    pub fn exit(&self, code: i32) -> Exit {
        let code = *self.record.extras().exit.get_or_init(|| code);
        self.record.force();
        Exit { code }
    }

    pub(super) fn has_exited(&self) -> bool {
        self.record.asked_for().is_some_and(|extras| extras.exit.get().is_some())
    }
}
