//! What runs once before the first call of a function, and the state it leaves.

mod health;
mod initialization;
mod instance;
mod making;

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use selsyn_common::{Failure, FromPayload, IntoPayload};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

use crate::execution::FunctionExecution;
use crate::function::{self, Function};
use crate::hooks::{Boxed, on_a_thread};

pub use initialization::Initialization;

pub(crate) use health::stop_all;
pub(crate) use instance::Instance;
pub(crate) use making::ready;

/// Time an attempt has by default: FunctionGraph's longest.
const TIMEOUT: Duration = Duration::from_secs(300);

/// Attempts by default, as in FunctionGraph.
const ATTEMPTS: u32 = 3;

/// Time a pre-stop hook has by default.
const PRE_STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A state, with its type erased.
pub(crate) type AnyState = Arc<dyn Any + Send + Sync>;

/// Runs once on a slave before the first call of a function, and makes the state that each call is
/// given (FunctionGraph: `initializer`).
///
/// Calls that come meanwhile wait for it, and the wait counts as queued. It has a time-out of its
/// own, 300 s, for each of three attempts; when the last one fails, the calls that waited fail with
/// its error ([`FailureKind::InitFailed`](selsyn_common::FailureKind::InitFailed) or
/// [`InitTimedOut`](selsyn_common::FailureKind::InitTimedOut)) and have not run, and the next call
/// tries again. A function with an initializer registers through [`function`](Self::function) or
/// [`blocking`](Self::blocking), and takes the state as its second parameter.
///
/// ```
/// use std::sync::Arc;
/// use selsyn_common::Failure;
/// use selsyn_slave::{FunctionExecution, Initialization, Slave, initializer};
///
/// struct Dataset(Vec<f64>);
///
/// async fn load(_: Initialization) -> Result<Dataset, Failure> {
///     Ok(Dataset(vec![1.0, 2.0]))
/// }
/// async fn mean(_: FunctionExecution, set: Arc<Dataset>, scale: f64) -> Result<f64, Failure> {
///     Ok(scale * set.0.iter().sum::<f64>() / set.0.len() as f64)
/// }
/// let slave = Slave::builder().function("mean", initializer(load).function(mean));
/// ```
#[must_use = "an initializer runs before the function that is registered with it"]
pub struct Initializer<S> {
    erased: Erased,
    state: PhantomData<fn() -> S>,
}

/// An initializer with the type of its state erased.
pub(crate) struct Erased {
    load: Box<dyn Fn(Initialization) -> Boxed<Result<AnyState, Failure>> + Send + Sync>,
    timeout: Duration,
    attempts: u32,
    healthy: Option<Box<dyn Fn(AnyState) -> Boxed<bool> + Send + Sync>>,
    pre_stop: Option<Box<dyn Fn(AnyState) -> Boxed<()> + Send + Sync>>,
    pre_stop_timeout: Duration,
}

/// Makes an initializer of an `async fn`, or of a closure that returns a future.
pub fn initializer<F, Fut, S, E>(load: F) -> Initializer<S>
where
    F: Fn(Initialization) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<S, E>> + Send + 'static,
    S: Send + Sync + 'static,
    E: Into<Failure>,
{
    let load = move |told| -> Boxed<Result<AnyState, Failure>> {
        let loaded = load(told).map(|loaded| {
            let state: AnyState = Arc::new(loaded.map_err(Into::into)?);
            Ok(state)
        });
        Box::pin(loaded)
    };
    let erased = Erased {
        load: Box::new(load),
        timeout: TIMEOUT,
        attempts: ATTEMPTS,
        healthy: None,
        pre_stop: None,
        pre_stop_timeout: PRE_STOP_TIMEOUT,
    };
    Initializer { erased, state: PhantomData }
}

/// Makes an initializer of a function that blocks its thread: it gets one of its own. One that is
/// over its time-out cannot be ended: the next attempt waits until it has returned, within its own
/// time-out, so that it never has more than that one thread. What it makes then is dropped.
pub fn blocking_initializer<F, S, E>(load: F) -> Initializer<S>
where
    F: Fn(Initialization) -> Result<S, E> + Send + Sync + 'static,
    S: Send + Sync + 'static,
    E: Into<Failure> + Send + 'static,
{
    let (load, alone) = (Arc::new(load), Arc::new(Semaphore::new(1)));
    initializer(move |told| {
        let (load, alone) = (Arc::clone(&load), Arc::clone(&alone));
        async move {
            // The semaphore is never closed: without its permit nothing would be loaded.
            let turn = alone.acquire_owned().await;
            let load = move |(turn, told)| {
                let made = load(told);
                drop::<Result<OwnedSemaphorePermit, AcquireError>>(turn);
                made
            };
            on_a_thread(load)((turn, told)).await
        }
    })
}

impl<S: Send + Sync + 'static> Initializer<S> {
    /// Time each attempt has; default 300 s.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.erased.timeout = timeout;
        self
    }

    /// Attempts before the calls that wait fail; default 3, and at least one is made.
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.erased.attempts = attempts;
        self
    }

    /// Asks every 5 s whether the state is still good. Six misses in a row (`false`, or no answer
    /// within 3 s), or a panic, and the state is forgotten: calls that run keep it, the next one
    /// runs the initializer again (FunctionGraph: the heartbeat function).
    pub fn healthy<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Arc<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        self.erased.healthy = Some(Box::new(move |state| Box::pin(hook(typed(state)))));
        self
    }

    /// Is told before the state is given up: when the slave stops, after what ran has ended, and
    /// when the state is forgotten as it is not healthy (FunctionGraph: the pre-stop function). It
    /// has 5 s, or [`pre_stop_timeout`](Self::pre_stop_timeout). A slave that is dropped without
    /// `drain` or `shutdown` does not tell it.
    pub fn pre_stop<F, Fut>(mut self, hook: F) -> Self
    where
        F: Fn(Arc<S>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.erased.pre_stop = Some(Box::new(move |state| Box::pin(hook(typed(state)))));
        self
    }

    /// Time the pre-stop hook has; default 5 s.
    pub const fn pre_stop_timeout(mut self, timeout: Duration) -> Self {
        self.erased.pre_stop_timeout = timeout;
        self
    }

    /// Makes a function whose calls are given the state, as [`function`](crate::function) does of
    /// one without.
    pub fn function<F, A, Fut, R, E>(self, f: F) -> Function
    where
        F: Fn(FunctionExecution, Arc<S>, A) -> Fut + Send + Sync + 'static,
        A: FromPayload,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: IntoPayload,
        E: Into<Failure>,
    {
        let with_state = move |execution: FunctionExecution, args| {
            let state = execution.state();
            f(execution, state, args)
        };
        function::function(with_state).initialized_by(self.erased)
    }

    /// Makes a blocking function whose calls are given the state, as
    /// [`blocking`](crate::blocking) does of one without.
    pub fn blocking<F, A, R, E>(self, f: F) -> Function
    where
        F: Fn(FunctionExecution, Arc<S>, A) -> Result<R, E> + Send + Sync + 'static,
        A: FromPayload,
        R: IntoPayload,
        E: Into<Failure>,
    {
        let with_state = move |execution: FunctionExecution, args| {
            let state = execution.state();
            f(execution, state, args)
        };
        function::blocking(with_state).initialized_by(self.erased)
    }
}

/// A state with its type.
pub(crate) fn typed<S: Send + Sync + 'static>(state: AnyState) -> Arc<S> {
    state.downcast().expect("an initializer makes the state of its own function")
}

impl<S> fmt::Debug for Initializer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.erased, f)
    }
}

impl fmt::Debug for Erased {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Initializer")
            .field("timeout", &self.timeout)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
