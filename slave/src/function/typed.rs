//! An async function with its types, and the room in which its runs are begun in place.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::task::{Context, Poll, Waker};

use selsyn_common::{Failure, IntoPayload};

use super::arguments::encode;
use super::body::{Announce, AsyncBody, BoxedRun, First};
use crate::execution::FunctionExecution;

/// Memory for one future, which is used again by the next run.
type Room<Fut> = Pin<Box<Option<Fut>>>;

/// An async function: what reads its arguments and makes its future.
pub(super) struct Typed<F, Fut> {
    make: F,
    /// Left by a run that ended at its first poll: most inline runs do, and to make room for each
    /// costs as much as to run it.
    room: Mutex<Option<Room<Fut>>>,
}

impl<F, Fut> Typed<F, Fut> {
    pub(super) const fn new(make: F) -> Self {
        Self { make, room: Mutex::new(None) }
    }

    /// Where room for a run is kept, until it is given back; `None` while another session's run
    /// has it. Nobody waits for it. A run that panicked has taken its room along: what it left is
    /// as good as any.
    fn kept(&self) -> Option<MutexGuard<'_, Option<Room<Fut>>>> {
        match self.room.try_lock() {
            Ok(kept) => Some(kept),
            Err(TryLockError::Poisoned(kept)) => Some(kept.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

impl<F, Fut, R, E> AsyncBody for Typed<F, Fut>
where
    F: Fn(FunctionExecution, Announce) -> Result<Fut, Failure> + Send + Sync,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoPayload,
    E: Into<Failure>,
{
    fn run(&self, execution: FunctionExecution) -> Result<BoxedRun, Failure> {
        let run = (self.make)(execution, Announce::AtOnce)?;
        Ok(Box::pin(async { encode(run.await) }))
    }

    fn first_poll(&self, execution: FunctionExecution) -> First {
        let run = match (self.make)(execution, Announce::Later) {
            Ok(run) => run,
            Err(failure) => return First::Ended(Err(Box::new(failure))),
        };
        let mut kept = self.kept();
        let room = kept.as_mut().and_then(|kept| kept.take());
        let mut room = room.unwrap_or_else(|| Box::pin(None));
        room.set(Some(run));
        match poll(&mut room, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(returned) => {
                let returned = encode(returned);
                room.set(None);
                if let Some(kept) = &mut kept {
                    **kept = Some(room);
                }
                drop(kept);
                First::Ended(returned)
            }
            Poll::Pending => {
                First::Paused(Box::pin(
                    async move { encode(poll_fn(|cx| poll(&mut room, cx)).await) },
                ))
            }
        }
    }
}

/// Polls the run that is in a room.
fn poll<Fut: Future>(room: &mut Room<Fut>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
    room.as_mut().as_pin_mut().map_or(Poll::Pending, |run| run.poll(cx))
}
