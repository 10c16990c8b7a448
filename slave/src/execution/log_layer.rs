//! Turns what a function logs through `tracing` into lines of its execution's log.

use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use selsyn_common::{ExecutionId, LogLevel};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::FunctionExecution;
use crate::records::{Logs, RecordRef};

/// The span that every execution runs in.
const SPAN: &str = "task";

/// A layer of `tracing-subscriber` that adds events inside an execution's span to the execution's
/// log: those of the function, of what it calls, and of tasks that it spawns in its span.
///
/// A line is the event's message, then its other fields as JSON. ERROR, WARN and INFO keep their
/// names, DEBUG is [`LogLevel::Verbose`] and TRACE [`LogLevel::Debug`]. Selsyn's own events stay
/// out. It never waits.
///
/// Without a filter it asks the whole program for its TRACE events. A filter of its own must let
/// the span `task` of `selsyn_slave` pass, else tasks that a function spawns are not found to be
/// its own.
///
/// ```
/// use selsyn_slave::ExecutionLogLayer;
/// use tracing_subscriber::filter::LevelFilter;
/// use tracing_subscriber::prelude::*;
///
/// let log = ExecutionLogLayer::new().with_filter(LevelFilter::INFO);
/// let subscriber = tracing_subscriber::registry().with(log);
/// # let _ = subscriber;
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ExecutionLogLayer;

impl ExecutionLogLayer {
    /// The layer; give it to a registry.
    pub const fn new() -> Self {
        Self
    }
}

/// Whose span it is. A span that somebody keeps does not keep its execution.
struct Whose {
    id: ExecutionId,
    logs: Arc<Logs>,
}

impl Whose {
    fn of(execution: &FunctionExecution) -> Self {
        let logs = Arc::clone(&execution.record.origin.logs);
        Self { id: execution.id(), logs }
    }

    fn find(&self) -> Option<RecordRef> {
        self.logs.find(self.id)
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ExecutionLogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, cx: Context<'_, S>) {
        let metadata = attributes.metadata();
        if metadata.name() != SPAN || !is_ours(metadata) {
            return;
        }
        if let (Some(span), Some(execution)) = (cx.span(id), FunctionExecution::current()) {
            span.extensions_mut().insert(Whose::of(&execution));
        }
    }

    fn on_event(&self, event: &Event<'_>, cx: Context<'_, S>) {
        // Some of ours are told while an execution is locked.
        if is_ours(event.metadata()) {
            return;
        }
        if let Some(execution) = execution_of(event, &cx) {
            execution.log(level_of(event.metadata().level()), line_of(event));
        }
    }
}

/// Whether it is Selsyn's own.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    let of = metadata.target().split("::").next().unwrap_or_default();
    matches!(of, "selsyn_common" | "selsyn_master" | "selsyn_slave")
}

/// The execution in whose span or scope something happens.
fn execution_of<S>(event: &Event<'_>, cx: &Context<'_, S>) -> Option<FunctionExecution>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let of_span = cx.event_scope(event).and_then(|mut spans| {
        let record = spans.find_map(|span| Some(span.extensions().get::<Whose>()?.find()));
        record.flatten()
    });
    of_span.map(FunctionExecution::new).or_else(FunctionExecution::current)
}

const fn level_of(level: &Level) -> LogLevel {
    match *level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warning,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Verbose,
        Level::TRACE => LogLevel::Debug,
    }
}

/// The message, then the other fields as JSON.
fn line_of(event: &Event<'_>) -> String {
    let mut line = Line::default();
    event.record(&mut line);
    let Line { mut message, fields } = line;
    if !fields.is_empty() {
        let gap = if message.is_empty() { "" } else { " " };
        // Writing to a text does not fail.
        let _ = write!(message, "{gap}{}", Value::Object(fields));
    }
    message
}

#[derive(Default)]
struct Line {
    message: String,
    fields: Map<String, Value>,
}

impl Line {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let _ = write!(self.message, "{value:?}");
        } else {
            self.add(field, format!("{value:?}"));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            self.add(field, value);
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }
}
