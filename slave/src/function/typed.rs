//! An async function with its types, and the room in which its runs are begun in place.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use pin_project_lite::pin_project;
use selsyn_common::{Failure, IntoPayload};

use super::Returned;
use super::arguments::encode;
use super::body::{Announce, AsyncBody, BoxedRoom, BoxedRun, Room};
use crate::execution::FunctionExecution;

/// What reads the arguments and makes the future.
impl<F, Fut, R, E> AsyncBody for F
where
    F: Fn(FunctionExecution, Announce) -> Result<Fut, Box<Failure>> + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoPayload,
    E: Into<Failure>,
{
    fn run(&self, execution: FunctionExecution) -> Result<BoxedRun, Box<Failure>> {
        let run = self(execution, Announce::AtOnce)?;
        Ok(Box::pin(async { encode(run.await) }))
    }

    fn room(self: Arc<Self>) -> BoxedRoom {
        Box::pin(TypedRoom { make: self, run: None })
    }
}

pin_project! {
    /// Memory for one future.
    struct TypedRoom<F, Fut> {
        make: Arc<F>,
        #[pin]
        run: Option<Fut>,
    }
}

impl<F, Fut, R, E> Room for TypedRoom<F, Fut>
where
    F: Fn(FunctionExecution, Announce) -> Result<Fut, Box<Failure>> + Send + Sync,
    Fut: Future<Output = Result<R, E>> + Send,
    R: IntoPayload,
    E: Into<Failure>,
{
    fn first_poll(self: Pin<&mut Self>, execution: FunctionExecution) -> Poll<Returned> {
        let mut this = self.project();
        this.run.set(Some((this.make)(execution, Announce::Later)?));
        poll(this.run, &mut Context::from_waker(Waker::noop()))
    }
}

impl<F, Fut, R, E> Future for TypedRoom<F, Fut>
where
    Fut: Future<Output = Result<R, E>>,
    R: IntoPayload,
    E: Into<Failure>,
{
    type Output = Returned;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Returned> {
        poll(self.project().run, cx)
    }
}

/// Polls the run that is in a room; one that has ended leaves it.
#[inline(always)]
fn poll<Fut, R, E>(mut run: Pin<&mut Option<Fut>>, cx: &mut Context<'_>) -> Poll<Returned>
where
    Fut: Future<Output = Result<R, E>>,
    R: IntoPayload,
    E: Into<Failure>,
{
    let Some(pending) = run.as_mut().as_pin_mut() else { return Poll::Pending };
    let returned = encode(ready!(pending.poll(cx)));
    run.set(None);
    Poll::Ready(returned)
}
