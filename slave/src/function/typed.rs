//! An async function with its types, and the room in which its runs are begun in place.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt;
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

    /// Room for a run; of its own where another session's run is in the one that is kept.
    fn room(&self) -> Room<Fut> {
        let kept = self.room.try_lock().ok().and_then(|mut room| room.take());
        kept.unwrap_or_else(|| Box::pin(None))
    }

    fn keep(&self, room: Room<Fut>) {
        if let Ok(mut kept) = self.room.try_lock() {
            *kept = Some(room);
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
        Ok(Box::pin(run.map(|returned| encode(returned.map_err(Into::into)))))
    }

    fn first_poll(&self, execution: FunctionExecution) -> First {
        let run = match (self.make)(execution, Announce::Later) {
            Ok(run) => run,
            Err(failure) => return First::Ended(Err(failure)),
        };
        let mut room = self.room();
        room.set(Some(run));
        match poll(&mut room, &mut Context::from_waker(Waker::noop())) {
            Poll::Ready(returned) => {
                room.set(None);
                self.keep(room);
                First::Ended(encode(returned.map_err(Into::into)))
            }
            Poll::Pending => First::Paused(Box::pin(async move {
                encode(poll_fn(|cx| poll(&mut room, cx)).await.map_err(Into::into))
            })),
        }
    }
}

/// Polls the run that is in a room.
fn poll<Fut: Future>(room: &mut Room<Fut>, cx: &mut Context<'_>) -> Poll<Fut::Output> {
    room.as_mut().as_pin_mut().map_or(Poll::Pending, |run| run.poll(cx))
}
