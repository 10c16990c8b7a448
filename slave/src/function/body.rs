//! A function whose types are erased.

use std::pin::Pin;

use selsyn_common::{Failure, Payload};

use crate::execution::FunctionExecution;

/// What a run gives in the end. A failure is boxed: a value is moved at every step, and would
/// take as much room.
pub(crate) type Returned = Result<Payload, Box<Failure>>;
pub(crate) type BoxedRun = Pin<Box<dyn Future<Output = Returned> + Send>>;

/// What a function does.
pub(crate) enum Body {
    Async(Box<dyn AsyncBody>),
    Blocking(Box<dyn Fn(FunctionExecution) -> Returned + Send + Sync>),
}

/// When the master is told that user code begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announce {
    /// Right before it does.
    AtOnce,
    /// With the verdict, if that comes before the first pause.
    Later,
}

/// How far a first poll came.
pub(crate) enum First {
    Ended(Returned),
    Paused(BoxedRun),
}

/// A function that yields.
pub(crate) trait AsyncBody: Send + Sync {
    /// Reads the arguments, tells the master that user code begins, and makes the run.
    fn run(&self, execution: FunctionExecution) -> Result<BoxedRun, Failure>;

    /// Reads the arguments, and polls the run once right here. The master is told of it with the
    /// verdict, or when it pauses.
    fn first_poll(&self, execution: FunctionExecution) -> First;
}
