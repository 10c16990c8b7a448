//! A start on its way: one small future, one allocation and few locks for most tasks.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::time::Instant;

use super::start::{DROPPED, Failed, attempt, send, send_on_terms, settle};
use super::{Rare, Stops, Task};
use crate::cell::{Answer, Cell, FunctionName, Ticket, Waiters};
use crate::error::StartError;
use crate::hooks::{Boxed, StartHooks};
use crate::running::RunningTask;

/// Starts the task and runs the hooks around it. Most starts need no more than this: what few
/// need is behind a pointer, so that it does not make all of them large.
pub(super) enum Starting {
    Plain(Plain),
    Rest(Boxed<Result<RunningTask, StartError>>),
}

impl Starting {
    #[inline]
    pub(super) fn new(task: Task) -> Self {
        if task.is_plain() {
            let Task { cell, function, rare } = task;
            return Self::Plain(Plain { cell: Some(cell), function, rare, sent: None });
        }
        Self::Rest(Box::pin(async {
            match attempt(task).await {
                Ok(running) => Ok(running),
                Err(failed) => failed.tell(),
            }
        }))
    }
}

impl Future for Starting {
    type Output = Result<RunningTask, StartError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Self::Plain(plain) = &mut *self {
            match ready!(plain.poll(context)) {
                Ok(running) => return Poll::Ready(Ok(running)),
                Err(failing) => *self = Self::Rest(failing),
            }
        }
        match &mut *self {
            Self::Plain(_) => unreachable!("a plain start that is answered is one no more"),
            Self::Rest(rest) => rest.as_mut().poll(context),
        }
    }
}

/// The start of a task without hooks that nobody else may stop. Cancels the task when it is
/// dropped between its sending and its answer.
pub(super) struct Plain {
    /// Until it is answered.
    cell: Option<Arc<Cell>>,
    /// Until it is sent.
    function: FunctionName,
    rare: Option<Box<Rare>>,
    sent: Option<Sent>,
}

/// When it was sent, and as whom it waits for the answer.
#[derive(Clone, Copy)]
struct Sent {
    begun: Instant,
    ticket: Ticket,
}

/// What is left to do of a start that was not accepted at once.
type Failing = Boxed<Result<RunningTask, StartError>>;

impl Plain {
    /// Sends it, then waits for the answer.
    #[inline]
    fn poll(&mut self, context: &Context<'_>) -> Poll<Result<RunningTask, Failing>> {
        let Some(Sent { begun, ticket }) = self.sent else {
            return self.send(context);
        };
        let cell = self.cell.as_ref().expect("a start with a word waits no more");
        if cell.has_completed() {
            // As most inline tasks have by now.
            return self.accepted();
        }
        let mut state = cell.state();
        if state.is_handed_out() {
            state.waiters.leave(ticket);
            drop(state);
            return self.accepted();
        }
        match state.word() {
            Some(word) => {
                state.waiters.leave(ticket);
                drop(state);
                Poll::Ready(Err(self.fail(word, begun)))
            }
            None => {
                let ticket = state.waiters.stay(ticket, context.waker());
                drop(state);
                self.sent = Some(Sent { begun, ticket });
                Poll::Pending
            }
        }
    }

    /// Puts the start on its way: whoever is woken finds a word about it.
    #[inline]
    fn send(&mut self, context: &Context<'_>) -> Poll<Result<RunningTask, Failing>> {
        let cell = self.cell.as_mut().expect("a start that was not sent has its task");
        let function = std::mem::replace(&mut self.function, FunctionName::DEFAULT);
        cell.begins(function, context.waker().clone());
        let sent = match self.rare.as_deref() {
            None => send(cell),
            Some(rare) => send_on_terms(cell, rare, Instant::now()),
        };
        match sent {
            Ok(begun) => {
                self.sent = Some(Sent { begun, ticket: Waiters::FIRST });
                Poll::Pending
            }
            Err(answer) => Poll::Ready(Err(self.fail(Some(answer), Instant::now()))),
        }
    }

    #[inline]
    fn accepted(&mut self) -> Poll<Result<RunningTask, Failing>> {
        let cell = self.cell.take().expect("a start is accepted once");
        Poll::Ready(Ok(RunningTask::new(cell)))
    }

    #[cold]
    fn fail(&mut self, word: Option<Answer>, begun: Instant) -> Failing {
        let cell = self.cell.take().expect("a start fails once");
        Box::pin(failing(cell, word, begun))
    }
}

impl Drop for Plain {
    #[inline]
    fn drop(&mut self) {
        if let Some(cell) = &self.cell
            && let Some(Sent { ticket, .. }) = self.sent
        {
            cell.state().waiters.leave(ticket);
            cell.link.cancel(cell.id, DROPPED);
        }
    }
}

/// Deals with a plain start that was not accepted at once.
async fn failing(
    cell: Arc<Cell>,
    answer: Option<Answer>,
    begun: Instant,
) -> Result<RunningTask, StartError> {
    match settle(&Stops::default(), &cell, answer, begun).await {
        Ok(_) => Ok(RunningTask::new(cell)),
        Err(error) => Failed::new(error, cell, StartHooks::default()).tell(),
    }
}
