//! A task that was started: watch it, wait for it, stop it.

mod input;
mod logview;

use std::fmt;
use std::future::IntoFuture;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use selsyn_common::{
    ExecutionId, FailedTask, Failure, FromPayload, LogLine, Outcome, OutputContent, Parts, Payload,
    Picture, Progress, Summary, TaskId, TaskStatus,
};
use tokio::time::timeout;

use crate::callbacks::{Callback, callback_setters};
use crate::cell::{Cell, Completed, End, SharedCell, Waiting, spare};
use crate::connection::link::Link;
use crate::error::{Elapsed, JoinError};
use crate::events::Events;
use crate::hooks::Boxed;

/// A task that was started. Cheap to clone; all clones are the same task. Dropping it leaves the
/// task running and its callbacks in force.
///
/// `running.await` is [`join`](Self::join).
#[derive(Clone)]
pub struct RunningTask {
    cell: Hold,
}

/// A hold on a task. The last one gives the cell back, to be used again.
#[derive(Clone)]
struct Hold(Option<SharedCell>);

impl Deref for Hold {
    type Target = SharedCell;

    #[inline]
    fn deref(&self) -> &SharedCell {
        self.0.as_ref().expect("it is held until it is dropped")
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(spare::keep);
    }
}

impl RunningTask {
    pub(crate) const fn new(cell: SharedCell) -> Self {
        Self { cell: Hold(Some(cell)) }
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        self.cell.link()
    }

    /// Which task.
    pub fn id(&self) -> TaskId {
        self.cell.id.task
    }

    /// Which run of it.
    pub fn execution_id(&self) -> ExecutionId {
        self.cell.id
    }

    /// The name of the connection it was started on.
    pub fn connection(&self) -> &str {
        &self.cell.link().name
    }

    /// The name of its function; empty for the slave's default one.
    pub fn function(&self) -> &str {
        self.cell.function.as_str()
    }

    /// Where it stands.
    pub fn status(&self) -> TaskStatus {
        self.cell.state().status
    }

    /// The data that `new_task` took.
    pub fn data(&self) -> &Payload {
        &self.cell.data
    }

    /// The data that was sent: what the before_start hook made of it.
    pub fn sent_data(&self) -> &Payload {
        self.cell.sent_data()
    }

    /// How it ended; `None` while it has not, and while its callbacks run.
    pub fn outcome(&self) -> Option<Outcome> {
        let state = self.cell.state();
        if state.delivered { state.end.outcome(self.cell.id) } else { None }
    }

    /// Waits until the task has ended and its callbacks have returned. Any number may wait; all
    /// get the same outcome.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again; the task goes on.
    pub fn join(&self) -> impl Future<Output = Outcome> + Send {
        // No async fn, as for `Task::start`.
        Joining(self.cell.waiting())
    }

    /// As [`Self::join`], for at most `limit`.
    ///
    /// # Errors
    ///
    /// [`Elapsed`] when it did not end in time; the task is untouched, join it again.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::join`].
    pub async fn join_timeout(&self, limit: Duration) -> Result<Outcome, Elapsed> {
        let elapsed = |_| Elapsed { task: self.id(), waited: limit };
        timeout(limit, self.join()).await.map_err(elapsed)
    }

    /// Waits for the value, read as `T`.
    ///
    /// # Errors
    ///
    /// [`JoinError::NotCompleted`] with the failure when there is no value;
    /// [`JoinError::Unreadable`] when it is not a `T`.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::join`].
    pub async fn success<T: FromPayload>(&self) -> Result<T, JoinError> {
        let outcome = self.join().await;
        let (task, connection) = (self.id(), self.connection().to_owned());
        match outcome.result {
            Ok(value) => T::from_payload(&value).map_err(|source| JoinError::Unreadable {
                task,
                connection,
                source,
            }),
            Err(failure) => {
                let (status, failure) = (outcome.status, Box::new(failure));
                let (connection, function) = (connection.into(), self.function().into());
                Err(FailedTask { connection, task, function, status, failure }.into())
            }
        }
    }

    /// Asks the slave to stop the task, and returns at once; join it to see what came of it. A
    /// function that does not listen is dropped after the slave's grace.
    pub fn cancel(&self, reason: impl Into<String>) {
        if !self.status().is_final() {
            self.cell.link().cancel(self.cell.id, &reason.into());
        }
    }

    /// What the function has shown so far, folded by key and verb; after the end, all of it. A
    /// copy; `None` unless [`Task::keep_picture`](crate::Task::keep_picture) was called.
    pub fn picture(&self) -> Option<Picture> {
        self.cell.picture()
    }

    /// The parts that the function has reported, as far as was seen: reports may be lost on the way
    /// to a slow master, and `connection.executions().parts(id)` asks the slave. Once the task has
    /// ended, none is open. `None` unless [`Task::keep_picture`](crate::Task::keep_picture) was
    /// called.
    pub fn parts(&self) -> Option<Parts> {
        let mut parts = self.cell.parts()?;
        if let Some(outcome) = self.outcome() {
            parts.end(&outcome, None);
        }
        Some(parts)
    }

    /// What happens to the task until its end, beginning with what has happened so far: whoever
    /// asks late hears the same story, but for the outputs.
    pub fn events(&self) -> Events {
        self.cell.subscribe()
    }
}

/// Callbacks, as of a [`Task`](crate::Task): those that come late run once and at once.
impl RunningTask {
    callback_setters!();

    /// Is told whatever the function shows, from now on: progress, lines of its log, plots, tables and all
    /// else.
    pub fn on_output(self, f: impl FnMut(&OutputContent) + Send + 'static) -> Self {
        self.cell.on_output(f);
        self
    }

    /// Is told how far the function has come, from now on.
    pub fn on_progress(self, f: impl FnMut(&Progress) + Send + 'static) -> Self {
        self.cell.on_progress(f);
        self
    }

    /// Is told each line of the function's log, from now on.
    pub fn on_log(self, f: impl FnMut(&LogLine) + Send + 'static) -> Self {
        self.cell.on_log(f);
        self
    }

    pub(crate) fn callback(self, callback: Callback) -> Self {
        Cell::add_callback(&self.cell, callback);
        self
    }
}

/// Waits for the end, and gives it as the user sees it: made only once no lock is held, where it is
/// wanted, as an outcome is large.
struct Joining<'a>(Waiting<'a>);

impl Future for Joining<'_> {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Some(state) = self.0.look(context, |state| state.delivered) else {
            return Poll::Pending;
        };
        let id = self.0.id();
        if let End::Completed(Completed { value, summary }) = &state.end {
            let (kind, summary) = (value.kind(), *summary);
            let bytes = value.as_bytes().clone();
            // Read again behind the lock's release: what was just written need not be waited for.
            drop(state);
            let mut outcome = Outcome::completed(Payload::from_parts(kind, bytes));
            outcome.summary = Summary { execution: Some(id), ..summary.into() };
            return Poll::Ready(outcome);
        }
        let outcome = state.end.outcome(id);
        drop(state);
        Poll::Ready(outcome.expect("what was delivered has ended"))
    }
}

impl IntoFuture for RunningTask {
    type Output = Outcome;
    type IntoFuture = Boxed<Outcome>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.join().await })
    }
}

impl fmt::Debug for RunningTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningTask")
            .field("id", &self.cell.id)
            .field("connection", &self.connection())
            .field("status", &self.status())
            .finish()
    }
}
