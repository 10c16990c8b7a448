//! A start on its way: one small future, one allocation and few locks for most tasks.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use tokio::time::Instant;

use super::start::{DROPPED, Failed, attempt, send, settle};
use super::{Stops, Task};
use crate::cell::{Answer, Cell, Ticket, Waiters};
use crate::error::StartError;
use crate::hooks::{Boxed, StartHooks};
use crate::running::RunningTask;

/// Starts the task and runs the hooks around it. Most starts need no more than this: what few
/// need is behind a pointer, so that it does not make all of them large.
pub(super) enum Starting {
    New(Option<Task>),
    /// Sent, by a task without hooks that nobody else may stop.
    Sent(Plain),
    Rest(Boxed<Result<RunningTask, StartError>>),
}

impl Starting {
    pub(super) fn new(task: Task) -> Self {
        if task.is_plain() {
            return Self::New(Some(task));
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

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            *self = match &mut *self {
                Self::New(task) => {
                    let task = task.take().expect("a start that is sent is no longer new");
                    match Plain::send(task, context.waker()) {
                        Ok(sent) => {
                            *self = Self::Sent(sent);
                            return Poll::Pending;
                        }
                        Err(failing) => Self::Rest(failing),
                    }
                }
                Self::Sent(plain) => match ready!(plain.poll_word(context)) {
                    (cell, Some(Answer::Accepted(_))) => {
                        return Poll::Ready(Ok(RunningTask::new(cell)));
                    }
                    (cell, word) => Self::Rest(Box::pin(failing(cell, word, plain.begun))),
                },
                Self::Rest(rest) => return rest.as_mut().poll(context),
            };
        }
    }
}

/// A plain start that waits for its answer. Cancels the task when it is dropped before.
pub(super) struct Plain {
    cell: Option<Arc<Cell>>,
    ticket: Ticket,
    begun: Instant,
}

impl Plain {
    /// Puts the start on its way: whoever is woken finds a word about it.
    fn send(task: Task, waker: &Waker) -> Result<Self, Boxed<Result<RunningTask, StartError>>> {
        let begun = Instant::now();
        let Task { mut cell, rare, .. } = task;
        cell.wakes_first(waker.clone());
        match send(&cell, rare.as_deref(), begun) {
            Ok(()) => Ok(Self { cell: Some(cell), ticket: Waiters::FIRST, begun }),
            Err(answer) => Err(Box::pin(failing(cell, Some(answer), begun))),
        }
    }

    /// Gives the task and what was said of its start; `None` when the patience is over.
    fn poll_word(&mut self, context: &Context<'_>) -> Poll<(Arc<Cell>, Option<Answer>)> {
        let cell = self.cell.as_ref().expect("a start with a word waits no more");
        let word = {
            let mut state = cell.state();
            match state.word() {
                Some(word) => {
                    state.waiters.leave(self.ticket);
                    word
                }
                None => {
                    self.ticket = state.waiters.stay(self.ticket, context.waker());
                    return Poll::Pending;
                }
            }
        };
        let cell = self.cell.take().expect("it was there a moment ago");
        Poll::Ready((cell, word))
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        if let Some(cell) = &self.cell {
            cell.state().waiters.leave(self.ticket);
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
