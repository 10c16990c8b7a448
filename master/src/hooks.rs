//! What a program may say before, after and instead of connecting, disconnecting and starting.
//!
//! Each hook may be set on the master, on a connection and, for starts, on a task. The most
//! specific one replaces the others. *Before* hooks get the data by value and give back what is
//! sent, or veto by an error; *after* hooks are told what the slave replied; *error* hooks are
//! told every failure. A hook that panics vetoes (before), or is recorded (after, error).
//!
//! A sync `before_start` or `on_start_error` runs in the task that calls `start()`, a sync
//! `before_connect` or `before_disconnect` in the connection's own: keep those short, or use the
//! async form. Sync after- and error-hooks of connections may block.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use selsyn_common::{Outcome, Payload, SlaveId, TaskId};

use crate::callback_threads;
use crate::delivery::panic_message;
use crate::error::{ConnectError, DisconnectError, HookError, StartError};

pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// Changes or vetoes the data.
pub(crate) type BeforeHook =
    Arc<dyn Fn(Payload) -> Boxed<Result<Payload, HookError>> + Send + Sync>;
/// Is told.
pub(crate) type AfterHook<T> = Arc<dyn Fn(T) -> Boxed<()> + Send + Sync>;
/// Decides what becomes of a failed start.
pub(crate) type StartErrorHook = Arc<dyn Fn(&Payload, &StartError) -> OnStartError + Send + Sync>;

/// What the slave said to a Hello.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Connected {
    /// The connection.
    pub connection: String,
    /// Which slave it reached.
    pub slave: SlaveId,
    /// What the slave's before_connection hook replied; it is not asked about a session that is
    /// resumed.
    pub reply: Option<Payload>,
    /// A session whose stream broke goes on; nothing was lost.
    pub resumed: bool,
}

/// What the slave said to a Goodbye.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Disconnected {
    /// The connection.
    pub connection: String,
    /// What the slave's before_disconnection hook replied.
    pub reply: Option<Payload>,
}

/// What the slave said to a start.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Accepted {
    /// Which task.
    pub task: TaskId,
    /// The data that was sent.
    pub data: Payload,
    /// What the slave's before_task hook replied.
    pub reply: Option<Payload>,
}

/// A verdict that came after its task had ended LOST.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LateResult {
    /// The connection.
    pub connection: String,
    /// Which task.
    pub task: TaskId,
    /// Which attempt of it, from 1.
    pub attempt: u32,
    /// How it ended, as the slave says.
    pub outcome: Outcome,
}

/// What becomes of a failed start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnStartError {
    /// `start()` returns the error.
    Propagate,
    /// `start()` returns a `RunningTask` with status START_FAILED; its `join()` returns at once.
    Swallow,
}

/// The hooks of one start.
#[derive(Clone, Default)]
pub(crate) struct StartHooks {
    pub(crate) before: Option<BeforeHook>,
    pub(crate) after: Option<AfterHook<Accepted>>,
    pub(crate) error: Option<StartErrorHook>,
}

/// All hooks of a master or of a connection.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) start: StartHooks,
    pub(crate) before_connect: Option<BeforeHook>,
    pub(crate) after_connect: Option<AfterHook<Connected>>,
    pub(crate) connect_error: Option<AfterHook<ConnectError>>,
    pub(crate) late_result: Option<AfterHook<LateResult>>,
    pub(crate) before_disconnect: Option<BeforeHook>,
    pub(crate) after_disconnect: Option<AfterHook<Disconnected>>,
    pub(crate) disconnect_error: Option<AfterHook<DisconnectError>>,
}

impl StartHooks {
    pub(crate) const fn is_empty(&self) -> bool {
        self.before.is_none() && self.after.is_none() && self.error.is_none()
    }

    /// The hooks, with the more general ones where they have none of their own.
    pub(crate) fn or(mut self, general: &Self) -> Self {
        fill(&mut self.before, &general.before);
        fill(&mut self.after, &general.after);
        fill(&mut self.error, &general.error);
        self
    }
}

fn fill<T: Clone>(specific: &mut Option<T>, general: &Option<T>) {
    if specific.is_none() {
        specific.clone_from(general);
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

impl fmt::Debug for StartHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StartHooks")
    }
}

/// Erases the type of a before-hook.
pub(crate) fn before<F, Fut>(hook: F) -> BeforeHook
where
    F: Fn(Payload) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Payload, HookError>> + Send + 'static,
{
    Arc::new(move |data| Box::pin(hook(data)))
}

/// Erases the type of an after-hook.
pub(crate) fn after<T, F, Fut>(hook: F) -> AfterHook<T>
where
    F: Fn(T) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |told| Box::pin(hook(told)))
}

/// Makes a sync hook one that runs where it may block.
pub(crate) fn on_a_thread<T, F>(hook: F) -> impl Fn(T) -> Boxed<()>
where
    T: Send + 'static,
    F: Fn(T) + Send + Sync + 'static,
{
    let hook = Arc::new(hook);
    move |told| {
        let hook = Arc::clone(&hook);
        let caught = move || catch_unwind(AssertUnwindSafe(|| hook(told)));
        Box::pin(async move {
            if let Some(Err(panic)) = callback_threads::run(caught).await {
                resume_unwind(panic);
            }
        })
    }
}

/// Asks a before-hook, if there is one; a panic vetoes.
pub(crate) async fn ask(hook: Option<&BeforeHook>, data: Payload) -> Result<Payload, HookError> {
    let Some(hook) = hook.cloned() else {
        return Ok(data);
    };
    let answer = AssertUnwindSafe(async move { hook(data).await }).catch_unwind();
    answer.await.unwrap_or_else(|panic| Err(HookError::panicked(&panic_message(panic.as_ref()))))
}

/// Tells an after-hook, if there is one; gives the message of its panic.
pub(crate) async fn tell<T>(hook: Option<&AfterHook<T>>, told: T) -> Option<String> {
    let hook = hook.cloned()?;
    let answer = AssertUnwindSafe(async move { hook(told).await }).catch_unwind();
    answer.await.err().map(|panic| panic_message(panic.as_ref()))
}

/// Writes the setters of the hooks that a master and a connection have in common.
macro_rules! hook_setters {
    ($($at:ident).+) => {
        /// Changes or vetoes the data that goes with Hello, before anything is dialled.
        pub fn before_connect<F>(self, hook: F) -> Self
        where
            F: Fn(Payload) -> Result<Payload, HookError> + Send + Sync + 'static,
        {
            self.before_connect_async(move |data| std::future::ready(hook(data)))
        }

        /// The async form of [`Self::before_connect`].
        pub fn before_connect_async<F, Fut>(mut self, hook: F) -> Self
        where
            F: Fn(Payload) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<Payload, HookError>> + Send + 'static,
        {
            self.$($at).+.before_connect = Some(crate::hooks::before(hook));
            self
        }

        /// Is told each time the slave has said Welcome, after a re-dial too.
        pub fn after_connect<F>(self, hook: F) -> Self
        where
            F: Fn(crate::hooks::Connected) + Send + Sync + 'static,
        {
            self.after_connect_async(crate::hooks::on_a_thread(hook))
        }

        /// The async form of [`Self::after_connect`].
        pub fn after_connect_async<F, Fut>(mut self, hook: F) -> Self
        where
            F: Fn(crate::hooks::Connected) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = ()> + Send + 'static,
        {
            self.$($at).+.after_connect = Some(crate::hooks::after(hook));
            self
        }

        /// Is told why the connection could not be made, once, when it is given up.
        pub fn on_connect_error<F>(mut self, hook: F) -> Self
        where
            F: Fn(&ConnectError) + Send + Sync + 'static,
        {
            let hook = move |error: ConnectError| hook(&error);
            self.$($at).+.connect_error = Some(crate::hooks::after(crate::hooks::on_a_thread(hook)));
            self
        }

        /// Is told the verdict of a task that ended LOST, when it comes after all: once a task.
        /// The task stays LOST; its slave was away for longer than the resume window.
        pub fn on_late_result<F>(self, hook: F) -> Self
        where
            F: Fn(crate::hooks::LateResult) + Send + Sync + 'static,
        {
            self.on_late_result_async(crate::hooks::on_a_thread(hook))
        }

        /// The async form of [`Self::on_late_result`].
        pub fn on_late_result_async<F, Fut>(mut self, hook: F) -> Self
        where
            F: Fn(crate::hooks::LateResult) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = ()> + Send + 'static,
        {
            self.$($at).+.late_result = Some(crate::hooks::after(hook));
            self
        }

        /// Changes or vetoes the data that goes with Goodbye.
        pub fn before_disconnect<F>(self, hook: F) -> Self
        where
            F: Fn(Payload) -> Result<Payload, HookError> + Send + Sync + 'static,
        {
            self.before_disconnect_async(move |data| std::future::ready(hook(data)))
        }

        /// The async form of [`Self::before_disconnect`].
        pub fn before_disconnect_async<F, Fut>(mut self, hook: F) -> Self
        where
            F: Fn(Payload) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<Payload, HookError>> + Send + 'static,
        {
            self.$($at).+.before_disconnect = Some(crate::hooks::before(hook));
            self
        }

        /// Is told that the slave has accepted the goodbye.
        pub fn after_disconnect<F>(self, hook: F) -> Self
        where
            F: Fn(crate::hooks::Disconnected) + Send + Sync + 'static,
        {
            self.after_disconnect_async(crate::hooks::on_a_thread(hook))
        }

        /// The async form of [`Self::after_disconnect`].
        pub fn after_disconnect_async<F, Fut>(mut self, hook: F) -> Self
        where
            F: Fn(crate::hooks::Disconnected) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = ()> + Send + 'static,
        {
            self.$($at).+.after_disconnect = Some(crate::hooks::after(hook));
            self
        }

        /// Is told why the connection did not end in good order.
        pub fn on_disconnect_error<F>(mut self, hook: F) -> Self
        where
            F: Fn(&DisconnectError) + Send + Sync + 'static,
        {
            let hook = move |error: DisconnectError| hook(&error);
            self.$($at).+.disconnect_error =
                Some(crate::hooks::after(crate::hooks::on_a_thread(hook)));
            self
        }

        crate::hooks::start_hook_setters!($($at).+.start);
    };
}

/// Writes the setters of the hooks that a master, a connection and a task have in common.
macro_rules! start_hook_setters {
    ($($at:tt)+) => {
        /// Changes or vetoes the data of a start; gets it by value (DI-engine:
        /// `before_task_start`). An error ends the task START_FAILED, and nothing is sent.
        pub fn before_start<F>(self, hook: F) -> Self
        where
            F: Fn(Payload) -> Result<Payload, HookError> + Send + Sync + 'static,
        {
            self.before_start_async(move |data| std::future::ready(hook(data)))
        }

        /// The async form of [`Self::before_start`].
        pub fn before_start_async<F, Fut>(mut self, hook: F) -> Self
        where
            F: Fn(Payload) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = Result<Payload, HookError>> + Send + 'static,
        {
            self.$($at)+.before = Some(crate::hooks::before(hook));
            self
        }

        /// Is told that the slave has accepted a task, and what its before_task hook replied
        /// (DI-engine: `after_task_start`). `start()` waits for it.
        pub fn after_start<F>(self, hook: F) -> Self
        where
            F: Fn(crate::hooks::Accepted) + Send + Sync + 'static,
        {
            self.after_start_async(crate::hooks::on_a_thread(hook))
        }

        /// The async form of [`Self::after_start`].
        pub fn after_start_async<F, Fut>(mut self, hook: F) -> Self
        where
            F: Fn(crate::hooks::Accepted) -> Fut + Send + Sync + 'static,
            Fut: Future<Output = ()> + Send + 'static,
        {
            self.$($at)+.after = Some(crate::hooks::after(hook));
            self
        }

        /// Is told every failed start with its data, once, and decides whether `start()`
        /// returns the error (DI-engine: `error_task_start`).
        pub fn on_start_error<F>(mut self, hook: F) -> Self
        where
            F: Fn(&Payload, &crate::error::StartError) -> crate::hooks::OnStartError
                + Send
                + Sync
                + 'static,
        {
            self.$($at)+.error = Some(std::sync::Arc::new(hook));
            self
        }
    };
}

pub(crate) use {hook_setters, start_hook_setters};
