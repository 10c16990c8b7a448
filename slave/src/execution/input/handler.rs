//! Calls user code with each input, one at a time, on whatever thread is free.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use selsyn_common::Payload;
use tracing::warn;

use super::inbox::MAX_INPUTS;
use super::room::Held;
use crate::execution::FunctionExecution;
use crate::panics::panic_message;

type Call = Box<dyn FnMut(Payload) + Send>;

/// A callback, and what it is still to be called with.
pub(super) struct Handler {
    queue: Mutex<Queue>,
    call: Mutex<Call>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Held>,
    /// Somebody calls it, and goes on until nothing waits.
    is_at_work: bool,
    is_over: bool,
}

impl Handler {
    pub(super) fn new(call: impl FnMut(Payload) + Send + 'static) -> Self {
        Self { queue: Mutex::default(), call: Mutex::new(Box::new(call)) }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls it with what waits when it joins those who take inputs. What comes meanwhile is worked
    /// on elsewhere, when this is done: who sends fast does not keep the caller here.
    pub(super) fn begin(
        &self,
        execution: &FunctionExecution,
        join: impl FnOnce() -> VecDeque<Held>,
    ) {
        // Held before it joins, so that nothing that comes later is first.
        let mut call = self.call();
        for held in join() {
            if self.queue().is_over {
                break;
            }
            hand_over(&mut call, held, execution);
        }
    }

    /// Adds an input; true when somebody must [work](Self::work) on it, `None` when there is no
    /// room.
    pub(super) fn push(&self, held: Held) -> Option<bool> {
        let mut queue = self.queue();
        if queue.waiting.len() >= MAX_INPUTS {
            return None;
        }
        queue.waiting.push_back(held);
        Some(!std::mem::replace(&mut queue.is_at_work, true))
    }

    /// Calls it until nothing waits.
    pub(super) fn work(&self, execution: &FunctionExecution) {
        let mut call = self.call();
        while let Some(held) = self.next() {
            hand_over(&mut call, held, execution);
        }
    }

    fn next(&self) -> Option<Held> {
        let mut queue = self.queue();
        let next = if queue.is_over { None } else { queue.waiting.pop_front() };
        queue.is_at_work = next.is_some();
        next
    }

    /// The run has ended: it is not called any more.
    pub(super) fn close(&self) {
        let mut queue = self.queue();
        queue.is_over = true;
        queue.waiting.clear();
    }
}

/// Calls it once; a panic is told, and no more.
fn hand_over(call: &mut Call, held: Held, execution: &FunctionExecution) {
    let called = || execution.scope(|| call(held.data));
    if let Err(panic) = catch_unwind(AssertUnwindSafe(called)) {
        let message = panic_message(panic.as_ref());
        warn!(task.id = %execution.id(), "an input callback panicked: {message}");
        execution.error(format_args!("an input callback panicked: {message}"));
    }
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handler")
    }
}
