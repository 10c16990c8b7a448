//! How user code hears that it is asked to stop.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selsyn_common::Stopped;
use tracing::warn;

use super::FunctionExecution;
use crate::core::Core;
use crate::panics::panic_message;
use crate::records::RecordRef;

type Callback = Box<dyn FnOnce() + Send>;

/// What is called when the run is asked to stop.
#[derive(Default)]
pub(super) struct AbortCallbacks(Mutex<Callbacks>);

#[derive(Default)]
struct Callbacks {
    waiting: Vec<Callback>,
    is_over: bool,
}

impl AbortCallbacks {
    fn lock(&self) -> MutexGuard<'_, Callbacks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, callback: Callback) {
        let mut callbacks = self.lock();
        if !callbacks.is_over {
            callbacks.waiting.push(callback);
        }
    }

    fn take(&self) -> Vec<Callback> {
        std::mem::take(&mut self.lock().waiting)
    }

    /// The run has ended: nothing is called any more.
    pub(super) fn close(&self) {
        let mut callbacks = self.lock();
        callbacks.is_over = true;
        let waiting = std::mem::take(&mut callbacks.waiting);
        // What they hold is the user's: it is dropped when nothing is locked.
        drop(callbacks);
        drop(waiting);
    }
}

/// Being asked to stop.
impl FunctionExecution {
    /// Whether the run was asked to stop: by its master, a deadline, a disconnect or a shutdown
    /// (CloudPSS: `aborted`).
    pub fn is_aborted(&self) -> bool {
        self.record.is_asked_to_stop()
    }

    /// Who asked the run to stop, and why; `None` while nobody has.
    pub fn abort_reason(&self) -> Option<String> {
        if !self.is_aborted() {
            return None;
        }
        self.record.state().life.stop_reason()
    }

    /// Waits until the run is asked to stop. The grace counts from then; after it the function
    /// is dropped.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn cancelled(&self) {
        self.record.until(|state| state.life.is_asked_to_stop()).await;
    }

    /// Goes on, unless the run was asked to stop or has called [`exit`](Self::exit): for loops
    /// that are left with `?`.
    ///
    /// ```
    /// use selsyn_common::Failure;
    /// use selsyn_slave::{FunctionExecution, blocking};
    ///
    /// let count = blocking(|execution: FunctionExecution, rounds: u64| {
    ///     for _ in 0..rounds {
    ///         execution.checkpoint()?;
    ///     }
    ///     Ok::<_, Failure>(rounds)
    /// });
    /// ```
    ///
    /// # Errors
    ///
    /// [`Stopped`]; a function that passes it on ends ABORTED.
    pub fn checkpoint(&self) -> Result<(), Stopped> {
        if self.has_exited() {
            return Err(Stopped { why: "the function has called exit".to_owned() });
        }
        self.abort_reason().map_or(Ok(()), |why| Err(Stopped { why }))
    }

    /// Calls `f` when the run is asked to stop (CloudPSS: `on_abort`). Several are called one after
    /// the other, in the order in which they came, on a thread that may block, inside the run's
    /// [`scope`](Self::scope). One that panics keeps none of the others from being called. When the
    /// run was asked before, `f` is called at once, on this thread. None is called after the run's
    /// end.
    pub fn on_abort(&self, f: impl FnOnce() + Send + 'static) {
        self.record.extras().callbacks.add(Box::new(f));
        // Looked at after it is among the others: whoever asks first and takes them then finds it.
        if self.is_aborted() {
            self.call_aborted();
        }
    }

    /// Calls those that wait, here.
    fn call_aborted(&self) {
        for callback in self.record.extras().callbacks.take() {
            let called = catch_unwind(AssertUnwindSafe(|| self.scope(callback)));
            if let Err(panic) = called {
                let message = panic_message(panic.as_ref());
                warn!(task.id = %self.id(), "an abort callback panicked: {message}");
                self.error(format_args!("an abort callback panicked: {message}"));
            }
        }
    }
}

/// Tells user code that it was asked to stop; away from whoever asks.
pub(crate) fn tell(core: &Core, record: &RecordRef) {
    let waits = |extras: Arc<super::Extras>| !extras.callbacks.lock().waiting.is_empty();
    if record.asked_for().is_some_and(waits) {
        let execution = FunctionExecution::new(RecordRef::clone(record));
        core.spawn_blocking_function(move || execution.call_aborted());
    }
}
