//! Runs user code once, whatever it does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::field::display;
use tracing::{Instrument, Span, info_span, warn};

use super::{ended, ladder};
use crate::core::Core;
use crate::execution::FunctionExecution;
use crate::function::{Body, Returned};
use crate::lifecycle::{End, StopCause};
use crate::panics::panicked;
use crate::records::Record;

/// A first poll longer than this was no short step: the network waited for it.
const LONG_POLL: Duration = Duration::from_millis(1);

/// Where the first instruction may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// On this task, if the function promises not to block.
    Here,
    /// On the function runtime. A slot that was passed on always begins so: beginning in place
    /// would nest as deep as the queue is long.
    Spawned,
}

/// Sets the run going. User code begins at its first poll, unless it is stopped before that.
pub(super) fn begin(core: &Arc<Core>, record: &Arc<Record>, begin: Begin) {
    match &*record.function.function.body {
        Body::Blocking(_) => spawn_blocking(core, record),
        Body::Async(_) if begin == Begin::Here && record.function.is_inline() => {
            poll_here(core, record);
        }
        Body::Async(_) => core.spawn_function(run(Report::new(core, record))),
    }
}

/// The first instruction is about to run; false when the run was stopped while it waited.
fn is_begun(core: &Arc<Core>, record: &Arc<Record>) -> bool {
    let timeout = {
        let mut state = record.state();
        if !state.life.begin() {
            return false;
        }
        let now = Instant::now();
        state.began_at = Some(now);
        let timeout = record.function.function.timeout.and_then(|timeout| now.checked_add(timeout));
        state.deadline = state.deadline.into_iter().chain(timeout).min();
        timeout
    };
    if let Some(deadline) = timeout {
        ladder::watch_deadline(core, record, deadline);
    }
    true
}

type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Polls once on the session's task; what is pending then moves to the function runtime.
fn poll_here(core: &Arc<Core>, record: &Arc<Record>) {
    let mut run: Run = Box::pin(run(Report::new(core, record)));
    let began = std::time::Instant::now();
    let polled = run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    let took = began.elapsed();
    if took > LONG_POLL && record.function.mark_slow() {
        let name = &record.function.name;
        warn!(function = %name, ?took, "an inline function held up the network; it runs elsewhere from now on");
    }
    if polled == Poll::Pending {
        core.spawn_function(run);
    }
}

/// Runs an async function to its end, or until it is dropped by force.
async fn run(mut report: Report) {
    if !report.begin() {
        return;
    }
    let record = Arc::clone(&report.record);
    let execution = FunctionExecution::new(Arc::clone(&record));
    let span = span(&record);
    let body = call(Arc::clone(&record), execution.clone()).instrument(span);
    let body = AssertUnwindSafe(execution.scope_async(body)).catch_unwind();
    tokio::select! {
        // The body first: a value that is ready when the grace ends is worth more than the force.
        biased;
        returned = body => report.end(end_of(returned)),
        () = record.force.notified() => report.end(End::Dropped),
    }
}

async fn call(record: Arc<Record>, execution: FunctionExecution) -> Returned {
    match &*record.function.function.body {
        Body::Async(body) => body(execution)?.await,
        Body::Blocking(body) => body(execution),
    }
}

fn spawn_blocking(core: &Arc<Core>, record: &Arc<Record>) {
    let mut report = Report::new(core, record);
    core.spawn_blocking_function(move || {
        if !report.begin() {
            return;
        }
        let record = Arc::clone(&report.record);
        let execution = FunctionExecution::new(Arc::clone(&record));
        let span = span(&record);
        let returned = span.in_scope(|| {
            catch_unwind(AssertUnwindSafe(|| match &*record.function.function.body {
                Body::Blocking(body) => execution.scope(|| body(execution.clone())),
                Body::Async(_) => {
                    unreachable!("an async function is never begun as a blocking one")
                }
            }))
        });
        report.end(end_of(returned));
    });
}

/// What user code runs in: what it logs names its task, and the tree that the task belongs to.
fn span(record: &Record) -> Span {
    let trace = record.lineage.map(|lineage| display(lineage.trace));
    info_span!("task", task.id = %record.id, function = %record.function.name, trace.id = trace)
}

fn end_of(returned: Result<Returned, Box<dyn std::any::Any + Send>>) -> End {
    match returned {
        Ok(Ok(value)) => End::Value(value),
        Ok(Err(failure)) => End::Error(failure),
        Err(panic) => End::Error(panicked(panic.as_ref())),
    }
}

/// Reports the end of a run when it is dropped, so that every way out reports.
struct Report {
    core: Arc<Core>,
    record: Arc<Record>,
    begun: bool,
    end: End,
}

impl Report {
    fn new(core: &Arc<Core>, record: &Arc<Record>) -> Self {
        let (core, record) = (Arc::clone(core), Arc::clone(record));
        Self { core, record, begun: false, end: End::Dropped }
    }

    fn begin(&mut self) -> bool {
        self.begun = is_begun(&self.core, &self.record);
        self.begun
    }

    fn end(mut self, end: End) {
        self.end = end;
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        let (core, record) = (Arc::clone(&self.core), Arc::clone(&self.record));
        if self.begun {
            let end = std::mem::replace(&mut self.end, End::Dropped);
            return ended(&core, &record, end);
        }
        if !record.state().life.is_ended() {
            // The function runtime has ended. From a task of its own: the next in line meets the
            // same, and handing the slot on in place would nest as deep as the queue is long.
            core.clone().spawn(async move {
                ladder::ask_to_stop(&core, &record, StopCause::ShuttingDown);
            });
        }
    }
}
