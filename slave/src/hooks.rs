//! What the slave's operator may say to connections and tasks before they are taken.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use selsyn_common::{ErrorCode, ExecutionId, IntoPayload, MasterId, Payload, PayloadKind, Refusal};

use crate::panics::panic_message;

/// Who is connected, or wants to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Peer {
    /// The master: the same for all of its connections.
    pub master: MasterId,
    /// The master's name for this connection.
    pub connection: String,
}

/// A master asks to open or to end a session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionRequest {
    /// Who asks.
    pub peer: Peer,
    /// What it gave along; JSON null where it gave nothing.
    pub data: Payload,
}

/// A master asks for a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TaskRequest {
    /// Who asks.
    pub peer: Peer,
    /// Which run.
    pub execution: ExecutionId,
    /// The function that would run.
    pub function: String,
    /// The data it would be given.
    pub data: Payload,
}

/// What a hook said: a reply for the master's after-hook, if any, or why not.
pub(crate) type Said = Result<Option<Payload>, Refusal>;
pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type AskHook<Q> = Arc<dyn Fn(Q) -> Boxed<Said> + Send + Sync>;
type TellHook = Arc<dyn Fn(Peer) -> Boxed<()> + Send + Sync>;

/// The hooks of one slave.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    pub(crate) before_connection: Option<AskHook<ConnectionRequest>>,
    pub(crate) before_disconnection: Option<AskHook<ConnectionRequest>>,
    pub(crate) before_task: Option<AskHook<TaskRequest>>,
    pub(crate) lost_connection: Option<TellHook>,
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hooks")
    }
}

/// Erases the type of a hook that may refuse.
pub(crate) fn ask_hook<Q, F, Fut, R>(hook: F) -> AskHook<Q>
where
    F: Fn(Q) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, Refusal>> + Send + 'static,
    R: IntoPayload,
    Q: 'static,
{
    Arc::new(move |question| Box::pin(hook(question).map(|said| said.and_then(reply))))
}

/// Makes a sync hook one that runs where it may block: on the function runtime's own threads.
pub(crate) fn on_a_thread<Q, T, F>(hook: F) -> impl Fn(Q) -> Boxed<T>
where
    Q: Send + 'static,
    T: Send + 'static,
    F: Fn(Q) -> T + Send + Sync + 'static,
{
    let hook = Arc::new(hook);
    move |question| {
        let hook = Arc::clone(&hook);
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || hook(question)).await {
                Ok(said) => said,
                Err(ended) => std::panic::resume_unwind(ended.into_panic()),
            }
        })
    }
}

/// Erases the type of a hook that only listens.
pub(crate) fn tell_hook<F, Fut>(hook: F) -> TellHook
where
    F: Fn(Peer) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    Arc::new(move |peer| Box::pin(hook(peer)))
}

/// Asks a hook, if there is one. A panic refuses; the refusal is filed under `reason`.
pub(crate) async fn ask<Q>(hook: Option<AskHook<Q>>, question: Q, reason: ErrorCode) -> Said {
    let Some(hook) = hook else { return Ok(None) };
    let answer = std::panic::AssertUnwindSafe(async move { hook(question).await });
    match answer.catch_unwind().await {
        Ok(said) => said.map_err(|refusal| refusal.filed_under(reason)),
        Err(panic) => {
            let message = format!("the hook panicked: {}", panic_message(panic.as_ref()));
            Err(Refusal::because(reason, message))
        }
    }
}

/// A reply of JSON null is no reply.
fn reply(value: impl IntoPayload) -> Said {
    let payload = value.into_payload().map_err(|error| Refusal::new(error.to_string()))?;
    let is_null = payload.kind() == PayloadKind::Json && payload.as_bytes() == "null".as_bytes();
    Ok((!is_null).then_some(payload))
}
