//! A function whose types are erased.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use selsyn_common::{Failure, Payload};

use crate::execution::FunctionExecution;

/// What a run gives in the end. A failure is boxed: a value is moved at every step, and would
/// take as much room.
pub(crate) type Returned = Result<Payload, Box<Failure>>;
pub(crate) type BoxedRun = Pin<Box<dyn Future<Output = Returned> + Send>>;
pub(crate) type BoxedRoom = Pin<Box<dyn Room>>;

/// What a function does.
pub(crate) enum Body {
    Async(Arc<dyn AsyncBody>),
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
    fn run(&self, execution: FunctionExecution) -> Result<BoxedRun, Box<Failure>>;

    /// Makes room for runs that are begun in place.
    fn room(self: Arc<Self>) -> BoxedRoom;
}

/// Room for a run that is begun in place. Until the run has ended, it is the run.
pub(crate) trait Room: Future<Output = Returned> + Send {
    /// Reads the arguments, and polls the run once right here. The master is told of it with the
    /// verdict, or when it pauses.
    fn first_poll(self: Pin<&mut Self>, execution: FunctionExecution) -> Poll<Returned>;
}

/// Room for the runs of one function, used by one after another: most inline runs end at their
/// first poll, and to make room for each costs as much as to run it.
#[derive(Default)]
pub(crate) struct KeptRoom(Option<BoxedRoom>);

impl KeptRoom {
    /// Polls a run once. One that pauses takes its room along, as does one that panics: what it
    /// left there is as good as any.
    pub(crate) fn first_poll(
        &mut self,
        body: &Arc<dyn AsyncBody>,
        execution: FunctionExecution,
    ) -> First {
        let mut room = self.0.take().unwrap_or_else(|| Arc::clone(body).room());
        match room.as_mut().first_poll(execution) {
            Poll::Ready(returned) => {
                self.0 = Some(room);
                First::Ended(returned)
            }
            Poll::Pending => First::Paused(room),
        }
    }
}

impl fmt::Debug for KeptRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptRoom").field("is_made", &self.0.is_some()).finish()
    }
}
