//! What a panic said, and where.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

use selsyn_common::{Failure, FailureKind, MAX_TRACE_LINES, Ran};

use crate::execution::FunctionExecution;

/// The last panic of a thread: what unwinding itself does not carry.
struct Noted {
    message: String,
    location: String,
    frames: Vec<String>,
}

thread_local! {
    static LAST: RefCell<Option<Noted>> = const { RefCell::new(None) };
}

/// Notes where panics happen, from now on and before whatever hook the process has; once. A hook
/// that the process sets later takes its place: then failures name the message alone.
pub(crate) fn listen() {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            note(panic);
            before(panic);
        }));
    });
}

fn note(panic: &PanicHookInfo<'_>) {
    let noted = Noted {
        message: message_of(panic.payload()),
        location: panic.location().map(ToString::to_string).unwrap_or_default(),
        // Those of others cost time, and go nowhere.
        frames: FunctionExecution::current()
            .map_or_else(Vec::new, |_| frames(&Backtrace::capture())),
    };
    // A thread that is ending has nothing left to note it in.
    let _ = LAST.try_with(|last| *last.borrow_mut() = Some(noted));
}

/// The frames of user code, if the process wants backtraces (`RUST_BACKTRACE`).
fn frames(backtrace: &Backtrace) -> Vec<String> {
    if backtrace.status() != BacktraceStatus::Captured {
        return Vec::new();
    }
    let text = backtrace.to_string();
    let mut frames: Vec<String> = Vec::new();
    for line in text.lines().map(str::trim_start) {
        match (line.strip_prefix("at "), frames.last_mut()) {
            (Some(place), Some(frame)) => *frame = format!("{frame} at {place}"),
            _ => frames.push(line.split_once(": ").map_or(line, |(_, name)| name).to_owned()),
        }
    }
    let is_machinery =
        |frame: &String| frame.contains("panicking::") || frame.contains("rust_begin_unwind");
    let begin = frames.iter().rposition(is_machinery).map_or(0, |last| last + 1);
    frames.into_iter().skip(begin).take(MAX_TRACE_LINES).collect()
}

/// The message of a caught panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    message_of(panic)
}

fn message_of(panic: &dyn Any) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// The failure of a function that panicked on this thread: its trace begins with the place.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let said = panic_message(panic);
    let message = format!("the function panicked: {said}");
    let mut failure = Failure::of(FailureKind::Panicked, message, Ran::Yes);
    let noted = LAST.try_with(RefCell::take).ok().flatten();
    // Another message is that of an older panic: this one was resumed from another thread.
    if let Some(noted) = noted.filter(|noted| noted.message == said) {
        failure.push_trace(format!("at {}", noted.location));
        noted.frames.into_iter().for_each(|frame| failure.push_trace(frame));
    }
    failure
}
