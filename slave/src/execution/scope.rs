//! Which run the code on a thread belongs to.
//!
//! As tokio's `task_local`, which gives nobody back what it was given: to count one more handle for
//! each inline run costs more than the rest of its scope.

use std::cell::RefCell;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::FunctionExecution;

thread_local! {
    static CURRENT: RefCell<Option<FunctionExecution>> = const { RefCell::new(None) };
}

/// The run that the code on this thread belongs to.
pub(super) fn current() -> Option<FunctionExecution> {
    CURRENT.try_with(|current| current.borrow().clone()).ok().flatten()
}

/// Runs `f` as code of this run, which is back in its place afterwards, also when `f` panics.
#[inline]
pub(super) fn within<T>(run: &mut Option<FunctionExecution>, f: impl FnOnce() -> T) -> T {
    let _entered = Entered::by(run);
    f()
}

/// Stands for what the thread had before, and gives it back to it.
struct Entered<'a>(&'a mut Option<FunctionExecution>);

impl<'a> Entered<'a> {
    fn by(run: &'a mut Option<FunctionExecution>) -> Self {
        swap(run);
        Self(run)
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        swap(self.0);
    }
}

/// Nothing on a thread that is about to end: nobody asks there any more.
fn swap(run: &mut Option<FunctionExecution>) {
    let _ = CURRENT.try_with(|current| mem::swap(&mut *current.borrow_mut(), run));
}

pin_project! {
    /// A future that is polled, and dropped, as code of a run.
    pub(super) struct Scoped<F> {
        #[pin]
        future: Option<F>,
        run: Option<FunctionExecution>,
    }

    impl<F> PinnedDrop for Scoped<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            within(this.run, || this.future.set(None));
        }
    }
}

impl<F> Scoped<F> {
    pub(super) const fn new(run: FunctionExecution, future: F) -> Self {
        Self { future: Some(future), run: Some(run) }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        within(this.run, || {
            let future = this.future.as_mut().as_pin_mut();
            let polled = future.expect("a future is not polled after its end").poll(cx);
            if polled.is_ready() {
                this.future.set(None);
            }
            polled
        })
    }
}
