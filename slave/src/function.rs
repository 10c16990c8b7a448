//! What a slave can run: user functions, with their types erased once, at registration.

mod arguments;
mod body;
mod registration;
mod typed;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::{Failure, FromPayload, IntoPayload};

use crate::about::FunctionInfo;
use crate::execution::FunctionExecution;
use crate::initializer::Erased;
use arguments::{encode, read_arguments};
use body::Announce;

pub(crate) use body::{Body, BoxedRun, First, KeptRoom, Returned};

/// Where the first instruction of a function runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// On the function runtime.
    Async,
    /// On a thread of its own, as it may block.
    Blocking,
    /// First poll on the session's task, as it promises never to block.
    Inline,
}

/// A function with its options, ready to be registered.
///
/// Plain functions and closures register as they are; this type is for those that need a word
/// more: [`function`], [`blocking`], [`Function::inline`], [`Function::timeout`].
#[derive(Clone)]
pub struct Function {
    pub(crate) body: Arc<Body>,
    pub(crate) mode: Mode,
    pub(crate) timeout: Option<Duration>,
    pub(crate) about: Arc<FunctionInfo>,
    pub(crate) initializer: Option<Arc<Erased>>,
}

/// Makes a function of an `async fn` or of a closure that returns a future.
///
/// It is `Fn(FunctionExecution, A) -> impl Future<Output = Result<R, E>>`. `A` is what its data
/// is read as: any type serde can deserialise, `Payload` for raw data, `Call` for positional and
/// named arguments. `R` is anything serde can serialise, or `Payload`. `E` is `Failure`, or any
/// error that turns into one.
///
/// ```
/// use selsyn_common::Failure;
/// use selsyn_slave::{FunctionExecution, function};
///
/// async fn add(_: FunctionExecution, (a, b): (i64, i64)) -> Result<i64, Failure> {
///     Ok(a + b)
/// }
/// let quick = function(add).inline();
/// ```
pub fn function<F, A, Fut, R, E>(f: F) -> Function
where
    F: Fn(FunctionExecution, A) -> Fut + Send + Sync + 'static,
    A: FromPayload,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoPayload,
    E: Into<Failure>,
{
    let make = move |execution: FunctionExecution, announce| {
        let args = read_arguments(&execution)?;
        if announce == Announce::AtOnce {
            execution.begins();
        }
        Ok(f(execution, args))
    };
    Function::of(Body::Async(Arc::new(make)), Mode::Async)
}

/// Makes a function of one that blocks its thread: it gets a thread of its own.
///
/// It is `Fn(FunctionExecution, A) -> Result<R, E>`. Such a function cannot be dropped: when
/// asked to stop it must look at [`FunctionExecution::is_aborted`], or it is reported as stuck.
///
/// ```
/// use selsyn_common::Failure;
/// use selsyn_slave::{FunctionExecution, blocking};
///
/// let crunch = blocking(|execution: FunctionExecution, rounds: u64| {
///     let done = (0..rounds).take_while(|_| !execution.is_aborted()).count();
///     Ok::<_, Failure>(done)
/// });
/// ```
pub fn blocking<F, A, R, E>(f: F) -> Function
where
    F: Fn(FunctionExecution, A) -> Result<R, E> + Send + Sync + 'static,
    A: FromPayload,
    R: IntoPayload,
    E: Into<Failure>,
{
    let body = move |execution: FunctionExecution| {
        let args = read_arguments(&execution)?;
        execution.begins();
        encode(f(execution, args))
    };
    Function::of(Body::Blocking(Box::new(body)), Mode::Blocking)
}

impl Function {
    fn of(body: Body, mode: Mode) -> Self {
        let (timeout, about, initializer) = (None, Arc::default(), None);
        Self { body: Arc::new(body), mode, timeout, about, initializer }
    }

    /// Promises that the function never blocks and that its first steps are short: it is begun
    /// on the session's own task, without a hop. Three first polls
    /// above 1 ms among 64 are warned about and end the privilege; a single one among many short
    /// ones may pass, as a busy machine makes any poll long now and then. Does nothing for a
    /// blocking function.
    #[must_use]
    pub fn inline(mut self) -> Self {
        if self.mode == Mode::Async {
            self.mode = Mode::Inline;
        }
        self
    }

    /// Ends a run after `timeout`, counted from its first instruction; default none. The
    /// caller's deadline ends it earlier if it comes first.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Has this run before the first call.
    pub(crate) fn initialized_by(mut self, initializer: Erased) -> Self {
        self.initializer = Some(Arc::new(initializer));
        self
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("mode", &self.mode)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// What can be registered: a [`Function`], an `async fn`, a closure that returns a future.
///
/// `Marker` only tells the two apart for the compiler.
pub trait IntoFunction<Marker> {
    /// Makes the function.
    fn into_function(self) -> Function;
}

impl IntoFunction<()> for Function {
    fn into_function(self) -> Function {
        self
    }
}

impl<F, A, Fut, R, E> IntoFunction<(A, Fut, R, E)> for F
where
    F: Fn(FunctionExecution, A) -> Fut + Send + Sync + 'static,
    A: FromPayload,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
    R: IntoPayload,
    E: Into<Failure>,
{
    fn into_function(self) -> Function {
        function(self)
    }
}
