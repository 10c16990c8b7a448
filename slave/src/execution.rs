//! What user code holds of its own run.

mod abort;
mod arguments;
mod exit;
mod extras;
mod identity;
mod input;
mod log_layer;
mod logger;
mod logview;
mod outputs;
mod parts;
mod scope;
mod wind_up;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selsyn_common::{Context, ExecutionId, Lineage, Payload, TaskId};
use tracing::debug;

use crate::initializer::{self, Instance};
use crate::nested;
use crate::records::RecordRef;
use crate::session::Leaves;
use scope::Scoped;

pub use arguments::ArgumentError;
pub use exit::Exit;
pub use input::Inputs;
pub use log_layer::ExecutionLogLayer;
pub use logger::{Logger, LoggerLevel};
pub use parts::ExecutionPart;

pub(crate) use abort::tell as tell_aborted;
pub(crate) use extras::Extras;
pub(crate) use input::{Handed, InputRoom, deal_with as deal_with_input, hand as hand_input};
pub(crate) use wind_up::Aside;

/// The handle to one run, as the function sees it: who asks, with what data, until when; and the
/// ways to show something. Cheap to clone, may go to other threads, outlives nothing: what is
/// shown after the end is dropped.
///
/// Named after CloudPSS's `FunctionExecution`.
///
/// ```
/// use selsyn_common::Failure;
/// use selsyn_slave::FunctionExecution;
///
/// async fn train(execution: FunctionExecution, epochs: u32) -> Result<f64, Failure> {
///     let mut loss = 1.0;
///     for epoch in 0..epochs {
///         if execution.is_aborted() {
///             break;
///         }
///         loss *= 0.9;
///         execution.progress(f64::from(epoch + 1) / f64::from(epochs))?;
///         execution.info(format_args!("epoch {epoch}: loss {loss:.3}"));
///     }
///     Ok(loss)
/// }
/// ```
#[derive(Clone)]
pub struct FunctionExecution {
    record: RecordRef,
}

impl FunctionExecution {
    pub(crate) const fn new(record: RecordRef) -> Self {
        Self { record }
    }

    /// Tells the master that user code begins: its arguments could be read.
    pub(crate) fn begins(&self) {
        self.record.begins(Leaves::AtOnce);
        debug!(task.id = %self.record.id, function = %self.function(), "running");
    }

    /// The run that this code belongs to: inside a function, and inside [`Self::scope`]. `None`
    /// elsewhere, as in a thread or task that the function spawned without a scope.
    pub fn current() -> Option<Self> {
        scope::current()
    }

    /// Runs `f` so that [`Self::current`] finds this run; for threads the function makes itself.
    pub fn scope<T>(&self, f: impl FnOnce() -> T) -> T {
        scope::within(&mut Some(self.clone()), f)
    }

    /// As [`scope`](Self::scope), with this handle itself, which is given back.
    pub(crate) fn lent_to_scope<T>(self, f: impl FnOnce() -> T) -> (Self, T) {
        let mut lent = Some(self);
        let done = scope::within(&mut lent, f);
        (lent.expect("a scope gives back what it was given"), done)
    }

    pub(crate) fn into_record(self) -> RecordRef {
        self.record
    }

    /// Whose child it is, if another execution's function started it.
    pub(crate) fn lineage(&self) -> Option<Lineage> {
        self.record.lineage()
    }

    /// Polls `future` so that [`Self::current`] finds this run; for tasks the function spawns.
    ///
    /// # Cancel safety
    ///
    /// As safe as `future` is.
    pub fn scope_async<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        // No async fn: its future is dropped in the scope too, also when it was never polled.
        Scoped::new(self.clone(), future)
    }

    /// Which run: task and attempt.
    pub fn id(&self) -> ExecutionId {
        self.record.id
    }

    /// Which task.
    pub fn task_id(&self) -> TaskId {
        self.record.id.task
    }

    /// Which attempt, from 1.
    pub fn attempt(&self) -> u32 {
        self.record.id.attempt
    }

    /// The name of the function that runs.
    pub fn function(&self) -> &str {
        &self.record.function.name
    }

    /// The name of the connection the task came by.
    pub fn connection(&self) -> &str {
        &self.record.origin.peer.connection
    }

    /// The data as it came.
    pub fn data(&self) -> &Payload {
        &self.record.data
    }

    /// What tasks that this function starts on other slaves inherit: give it to the master's
    /// `Task::child_of`. They have no more time than this run, stop when it is asked to stop or
    /// has ended, and name it as their parent. What `StartDetached::child_of` is given it names its
    /// parent, and no more than that.
    pub fn context(&self) -> Context {
        nested::context(&self.record)
    }

    /// The execution whose function started this task; `None` when no function did.
    pub fn parent(&self) -> Option<ExecutionId> {
        self.lineage().map(|lineage| lineage.parent)
    }

    /// The task at the root of the tree that this one belongs to: the same for the whole tree.
    pub fn trace_id(&self) -> TaskId {
        nested::trace_id(&self.record)
    }

    /// When the run is ended, by the monotonic clock; `None` when there is no deadline. The
    /// earlier of the caller's deadline and the function's own time-out counts.
    pub fn deadline(&self) -> Option<Instant> {
        self.record.state().deadline().map(tokio::time::Instant::into_std)
    }

    /// Time left until the deadline, zero when it has passed; `None` when there is no deadline.
    /// The earlier of the caller's deadline and the function's own time-out counts.
    pub fn remaining(&self) -> Option<Duration> {
        self.record.remaining()
    }

    /// What the function's initializer made.
    pub(crate) fn state<S: Send + Sync + 'static>(&self) -> Arc<S> {
        let instance = self.record.function.instance.as_ref();
        let state = instance.and_then(Instance::state);
        initializer::typed(state.expect("a function begins when its initializer has run"))
    }
}

impl fmt::Debug for FunctionExecution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionExecution")
            .field("id", &self.record.id)
            .field("function", &self.record.function.name)
            .finish_non_exhaustive()
    }
}
