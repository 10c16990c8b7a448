//! Waits for a future on a thread that is nobody's, and tells whose thread this is.

use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::Handle;
use tokio::task::coop;

/// Polls the future on this thread until it is done.
///
/// tokio's own `block_on` would make a runtime of this thread, and a hook that is polled here
/// could not wait any more. Each wait has a signal of its own: waits nest, and a thread's one
/// parking token would be taken by the inner wait.
pub(super) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let signal = Arc::new(Signal::default());
    let waker = Waker::from(Arc::clone(&signal));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        signal.wait();
    }
}

#[derive(Default)]
struct Signal {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn wait(&self) {
        let woken = self.woken.lock().unwrap_or_else(PoisonError::into_inner);
        let woken = self.changed.wait_while(woken, |woken| !*woken);
        *woken.unwrap_or_else(PoisonError::into_inner) = false;
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

/// Whether this code runs inside a future that a tokio runtime is polling.
///
/// `Handle::try_current` alone also says yes in `spawn_blocking` and on threads that only entered
/// a handle, where waiting is fine. What tells them apart is the budget: a runtime limits how
/// often a future may go on before it must yield, and lifts the limit where blocking is allowed.
pub(super) fn is_inside_runtime() -> bool {
    Handle::try_current().is_ok() && has_budget()
}

/// Whether the budget is limited: spends all of it, and gives it back.
fn has_budget() -> bool {
    let mut context = Context::from_waker(Waker::noop());
    let mut spent = Vec::new();
    // The budget is counted in a byte: what can be spent more often has no end.
    let limited = (0..=u8::MAX).any(|_| match coop::poll_proceed(&mut context) {
        Poll::Ready(unit) => {
            spent.push(unit);
            false
        }
        Poll::Pending => true,
    });
    // Each unit restores what was there before it: the first one last.
    while spent.pop().is_some() {}
    limited
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::Pin;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::oneshot;
    use tokio::task::{LocalSet, spawn_blocking};

    use super::*;

    fn one_thread() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    async fn looked() -> bool {
        is_inside_runtime()
    }

    #[test]
    fn futures_of_a_runtime_are_inside() {
        let runtime = one_thread();
        assert!(runtime.block_on(looked()));
        assert!(runtime.block_on(async { tokio::spawn(looked()).await.unwrap() }));
        assert!(
            LocalSet::new()
                .block_on(&runtime, async { tokio::task::spawn_local(looked()).await.unwrap() })
        );
    }

    #[test]
    fn threads_that_may_block_are_outside() {
        assert!(!is_inside_runtime());
        let runtime = one_thread();
        let entered = runtime.enter();
        assert!(!is_inside_runtime());
        drop(entered);
        assert!(!runtime.block_on(async { spawn_blocking(is_inside_runtime).await.unwrap() }));
    }

    #[test]
    fn looking_leaves_the_budget_as_it_was() {
        one_thread().block_on(async {
            for _ in 0..10 {
                assert!(is_inside_runtime());
            }
            assert!(coop::has_budget_remaining());
        });
    }

    /// The outer wait is woken while the inner one waits on the same thread.
    #[test]
    fn a_wait_inside_a_wait_takes_no_wake_from_it() {
        let (done, ended) = mpsc::channel();
        thread::spawn(move || {
            let (go, gone) = mpsc::channel();
            let (tell_outer, mut outer) = oneshot::channel();
            let (tell_inner, inner) = oneshot::channel();
            thread::spawn(move || {
                gone.recv().unwrap();
                tell_outer.send(1).unwrap();
                tell_inner.send(2).unwrap();
            });
            let (mut inner, mut sum) = (Some(inner), 0);
            block_on(poll_fn(|context| {
                let polled = Pin::new(&mut outer).poll(context);
                if let Some(inner) = inner.take() {
                    go.send(()).unwrap();
                    sum += block_on(inner).unwrap();
                }
                polled.map(|value| sum += value.unwrap())
            }));
            done.send(sum).unwrap();
        });
        assert_eq!(ended.recv_timeout(Duration::from_secs(30)), Ok(3));
    }
}
