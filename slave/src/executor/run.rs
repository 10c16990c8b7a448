//! Runs user code once, whatever it does.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tracing::field::display;
use tracing::level_filters::LevelFilter;
use tracing::span::EnteredSpan;
use tracing::{Instrument, Level, Span, info_span};

use super::end::ended;
use super::{initialize, ladder};
use crate::core::Core;
use crate::execution::FunctionExecution;
use crate::function::{Body, BoxedRun, Returned};
use crate::lifecycle::{End, StopCause};
use crate::panics::panicked;
use crate::records::RecordRef;
use crate::session::Leaves;

/// Sets the run going, away from the network loop, once its function is initialized.
pub(super) fn begin(core: &Arc<Core>, record: &RecordRef) {
    match &record.function.instance {
        Some(instance) if !instance.is_ready() => initialize::before(core, record),
        _ => go(core, record),
    }
}

/// Sets the run going. User code begins at its first poll, unless it is stopped before that.
pub(super) fn go(core: &Arc<Core>, record: &RecordRef) {
    match &*record.function.function.body {
        Body::Blocking(_) => spawn_blocking(core, record),
        Body::Async(_) => core.spawn_function(run(Report::new(core, record))),
    }
}

/// The first instruction is about to run; false when the run was stopped while it waited.
fn is_begun(core: &Arc<Core>, record: &RecordRef) -> bool {
    let timeout = record.function.function.timeout;
    let now = core.epoch.now();
    let deadline = core.epoch.moment(now, timeout);
    let begins = {
        let mut state = record.state();
        state.limit(deadline);
        state.begin(now)
    };
    if let Some(deadline) = deadline.filter(|_| begins) {
        ladder::watch_deadline(core, record, deadline);
    }
    begins
}

/// Runs an async function to its end, or until it is dropped by force.
async fn run(mut report: Report) {
    if !report.begin() {
        return;
    }
    let record = RecordRef::clone(&report.record);
    let execution = FunctionExecution::new(RecordRef::clone(&record));
    let body = execution.scope_async(call(RecordRef::clone(&record), execution.clone()));
    drive(report, body.instrument(span(&execution))).await;
}

/// Runs what is left of an inline function after its first pause.
pub(super) fn rest(
    core: &Arc<Core>,
    record: &RecordRef,
    run: BoxedRun,
) -> impl Future<Output = ()> + Send + use<> {
    // Here and not at the first poll, which may never come.
    let mut report = Report::new(core, record);
    report.begun = true;
    let execution = FunctionExecution::new(RecordRef::clone(record));
    let span = span(&execution);
    async move { drive(report, execution.scope_async(run).instrument(span)).await }
}

async fn drive(report: Report, body: impl Future<Output = Returned>) {
    let record = RecordRef::clone(&report.record);
    tokio::select! {
        // The body first: a value that is ready when the grace ends is worth more than the force.
        biased;
        returned = AssertUnwindSafe(body).catch_unwind() => report.end(end_of(returned)),
        () = record.until(|state| state.is_forced) => report.end(End::Dropped),
    }
}

async fn call(record: RecordRef, execution: FunctionExecution) -> Returned {
    match &*record.function.function.body {
        Body::Async(body) => body.run(execution)?.await,
        Body::Blocking(body) => body(execution),
    }
}

fn spawn_blocking(core: &Arc<Core>, record: &RecordRef) {
    let mut report = Report::new(core, record);
    core.spawn_blocking_function(move || {
        if !report.begin() {
            return;
        }
        let record = RecordRef::clone(&report.record);
        let execution = FunctionExecution::new(RecordRef::clone(&record));
        let before = thread_cpu_time();
        let span = enter_span(&execution);
        let returned = catch_unwind(AssertUnwindSafe(|| match &*record.function.function.body {
            Body::Blocking(body) => execution.scope(|| body(execution.clone())),
            Body::Async(_) => {
                unreachable!("an async function is never begun as a blocking one")
            }
        }));
        drop(span);
        if let (Some(before), Some(after)) = (before, thread_cpu_time()) {
            record.extras().took(after.saturating_sub(before));
        }
        report.end(end_of(returned));
    });
}

/// CPU time that this thread has taken since it began; `None` where the system does not tell.
fn thread_cpu_time() -> Option<Duration> {
    #[cfg(unix)]
    {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Some(Duration::new(time.tv_sec.try_into().ok()?, time.tv_nsec.try_into().ok()?))
    }
    #[cfg(not(unix))]
    None
}

/// What user code runs in: what it logs names its task, and the tree that the task belongs to.
fn span(execution: &FunctionExecution) -> Span {
    if is_unheard() {
        return Span::none();
    }
    let trace = execution.lineage().map(|lineage| display(lineage.trace));
    let (id, function) = (execution.id(), execution.function());
    // In its scope, so that a layer learns whose span this is: see `ExecutionLogLayer`.
    execution.scope(|| info_span!("task", task.id = %id, function = %function, trace.id = trace))
}

/// Enters the span of user code that runs on this thread, if anybody listens.
pub(super) fn enter_span(execution: &FunctionExecution) -> Option<EnteredSpan> {
    (!is_unheard()).then(|| span(execution).entered())
}

/// Whether nobody listens: a span that is off costs a good part of a small task all the same.
fn is_unheard() -> bool {
    Level::INFO > LevelFilter::current()
}

pub(super) fn end_of(returned: Result<Returned, Box<dyn std::any::Any + Send>>) -> End {
    match returned {
        Ok(Ok(value)) => End::Value(value),
        Ok(Err(failure)) => End::Error(*failure),
        Err(panic) => End::Error(panicked(panic.as_ref())),
    }
}

/// Reports the end of a run when it is dropped, so that every way out reports.
struct Report {
    core: Arc<Core>,
    record: RecordRef,
    begun: bool,
    end: Option<End>,
}

impl Report {
    fn new(core: &Arc<Core>, record: &RecordRef) -> Self {
        let (core, record) = (Arc::clone(core), RecordRef::clone(record));
        Self { core, record, begun: false, end: None }
    }

    fn begin(&mut self) -> bool {
        self.begun = is_begun(&self.core, &self.record);
        self.begun
    }

    fn end(mut self, end: End) {
        self.end = Some(end);
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if self.begun {
            let end = self.end.take().unwrap_or(End::Dropped);
            return ended(&self.core, &self.record, end, self.core.epoch.now(), Leaves::AtOnce);
        }
        let (core, record) = (Arc::clone(&self.core), RecordRef::clone(&self.record));
        if !record.state().life.is_ended() {
            // The function runtime has ended. From a task of its own: the next in line meets the
            // same, and handing the slot on in place would nest as deep as the queue is long.
            core.clone().spawn(async move {
                ladder::ask_to_stop(&core, &record, StopCause::ShuttingDown);
            });
        }
    }
}
