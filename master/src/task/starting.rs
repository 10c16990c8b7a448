//! A start on its way: one small future, one allocation and few locks for most tasks.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::start::{DROPPED, Failed, attempt, send, send_on_terms, settle};
use super::{Stops, Task};
use crate::cell::{Answer, SharedCell, Ticket, Waiters};
use crate::error::StartError;
use crate::hooks::{Boxed, StartHooks};
use crate::running::RunningTask;

/// Starts the task and runs the hooks around it: in one of three ways at a time. No enum, which
/// would be moved from one to the next as a whole.
pub(super) struct Starting {
    /// Without hooks, and nobody else may stop it: as most are.
    plain: Option<Task>,
    /// The same, on its way.
    sent: Option<Sent>,
    /// All that few need, behind a pointer.
    rest: Option<Rest>,
}

impl Starting {
    #[inline]
    pub(super) fn new(task: Task) -> Self {
        if task.is_plain() {
            Self { plain: Some(task), sent: None, rest: None }
        } else {
            Self { plain: None, sent: None, rest: Some(with_hooks(task)) }
        }
    }

    /// Puts a plain start on its way: whoever is woken finds a word about it.
    #[inline]
    fn send(&mut self, Task { mut cell, rare }: Task, context: &Context<'_>) {
        cell.state_mut().waiters.enter_first(context.waker().clone());
        let cell = cell.shareable();
        let sent = match rare.as_deref() {
            None => send(&cell),
            Some(rare) => send_on_terms(&cell, rare, Instant::now()),
        };
        match sent {
            Ok(begun) => {
                self.sent = Some(Sent { cell: Some(cell), begun, ticket: Waiters::FIRST });
            }
            Err(answer) => {
                self.rest = Some(Box::pin(failing(cell, Some(answer), Instant::now())));
            }
        }
    }
}

impl Future for Starting {
    type Output = Result<RunningTask, StartError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(task) = self.plain.take() {
            self.send(task, context);
            if self.sent.is_some() {
                return Poll::Pending;
            }
        }
        if let Some(sent) = &mut self.sent {
            match ready!(sent.poll(context)) {
                Ok(running) => return Poll::Ready(Ok(running)),
                Err(rest) => {
                    self.rest = Some(rest);
                    self.sent = None;
                }
            }
        }
        self.rest.as_mut().expect("a start is polled until it is over").as_mut().poll(context)
    }
}

/// What few tasks need.
#[cold]
fn with_hooks(task: Task) -> Rest {
    Box::pin(async {
        match attempt(task).await {
            Ok(running) => Ok(running),
            Err(failed) => failed.tell(),
        }
    })
}

/// A plain start on its way. Cancels the task when it is dropped before it is answered.
pub(super) struct Sent {
    /// Until it is answered.
    cell: Option<SharedCell>,
    begun: Instant,
    /// As whom it waits for the answer.
    ticket: Ticket,
}

/// What is left to do of a start.
type Rest = Boxed<Result<RunningTask, StartError>>;

impl Sent {
    #[inline]
    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<RunningTask, Rest>> {
        let cell = self.cell.as_ref().expect("a start with a word waits no more");
        if cell.has_completed() {
            // As most inline tasks have by now.
            return self.accepted();
        }
        let mut state = cell.state();
        if state.is_handed_out() {
            state.waiters.leave(self.ticket);
            drop(state);
            return self.accepted();
        }
        match state.word() {
            Some(word) => {
                state.waiters.leave(self.ticket);
                drop(state);
                Poll::Ready(Err(self.fail(word)))
            }
            None => {
                self.ticket = state.waiters.stay(self.ticket, context.waker());
                Poll::Pending
            }
        }
    }

    #[inline]
    fn accepted(&mut self) -> Poll<Result<RunningTask, Rest>> {
        let cell = self.cell.take().expect("a start is accepted once");
        Poll::Ready(Ok(RunningTask::new(cell)))
    }

    #[cold]
    fn fail(&mut self, word: Option<Answer>) -> Rest {
        let cell = self.cell.take().expect("a start fails once");
        Box::pin(failing(cell, word, self.begun))
    }
}

impl Drop for Sent {
    #[inline]
    fn drop(&mut self) {
        if let Some(cell) = &self.cell {
            cell.state().waiters.leave(self.ticket);
            cell.link().cancel(cell.id, DROPPED);
        }
    }
}

/// Deals with a plain start that was not accepted at once.
async fn failing(
    cell: SharedCell,
    answer: Option<Answer>,
    begun: Instant,
) -> Result<RunningTask, StartError> {
    match settle(&Stops::default(), &cell, answer, begun).await {
        Ok(_) => Ok(RunningTask::new(cell)),
        Err(error) => Failed::new(error, cell, StartHooks::default()).tell(),
    }
}
