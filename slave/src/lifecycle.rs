//! Where one execution stands on the slave, and what its end is called.
//!
//! ```text
//! Waiting ──begin──▶ Running ──stop──▶ Stopping ──end──▶ Ended(verdict)
//!    │                  └───────────end──────────────────────▲
//!    └──stop (never ran)─────────────────────────────────────┘
//! ```
//!
//! Pure: the executor carries causes in and effects out.

#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::BTreeMap;

use selsyn_common::{Failure, FailureKind, MAX_TRACE_LINES, Outcome, Payload, Ran, TaskStatus};

/// Who asked an execution to stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StopCause {
    /// The master did; its reason.
    Cancelled(String),
    /// Somebody else did, through Control; the reason.
    Stopped(String),
    /// Its deadline fired.
    Deadline,
    /// Its session was disconnected.
    Disconnected,
    /// Contact with its master was lost for too long.
    MasterLost,
    /// The environment was closed.
    EnvironmentClosed,
    /// The slave shuts down.
    ShuttingDown,
}

/// How user code came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It returned a value.
    Value(Payload),
    /// It returned an error, panicked, or its result could not be sent.
    Error(Failure),
    /// It ended early, with a code: 0 is well.
    Exited(i32),
    /// We dropped its future after the grace.
    Dropped,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Waiting,
    Running,
    Stopping,
    Ended,
}

/// What a request to stop leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It never ran; this is its end.
    NeverRan(Box<Outcome>),
    /// Ask it, and force it after the grace.
    Ask,
    /// It was asked before and is stuck; this is its end.
    GiveUp(Box<Outcome>),
    /// Nothing: it was asked before, or has ended.
    Nothing,
}

/// One execution's life.
#[derive(Debug)]
pub(crate) struct Lifecycle {
    phase: Phase,
    stuck: bool,
    /// Few are asked to stop, and all have room for why.
    cause: Option<Box<StopCause>>,
}

impl Lifecycle {
    pub(crate) const fn new() -> Self {
        Self { phase: Phase::Waiting, cause: None, stuck: false }
    }

    /// User code is about to run; false when the execution has ended before.
    pub(crate) fn begin(&mut self) -> bool {
        let begins = self.phase == Phase::Waiting;
        if begins {
            self.phase = Phase::Running;
        }
        begins
    }

    /// Somebody asks it to stop. A deadline outranks whoever asked before.
    pub(crate) fn stop(&mut self, cause: StopCause) -> Stop {
        match self.phase {
            Phase::Waiting => {
                self.phase = Phase::Ended;
                Stop::NeverRan(Box::new(never_ran(&cause)))
            }
            Phase::Running => {
                self.phase = Phase::Stopping;
                self.cause = Some(Box::new(cause));
                Stop::Ask
            }
            Phase::Stopping => {
                if cause == StopCause::Deadline || self.is_asked_mildly() {
                    self.cause = Some(Box::new(cause));
                }
                self.give_up().map_or(Stop::Nothing, |outcome| Stop::GiveUp(Box::new(outcome)))
            }
            Phase::Ended => Stop::Nothing,
        }
    }

    /// Whoever asked can wait for as long as it takes. The end of a session or of the slave cannot:
    /// a cancel that comes after it does not take its place.
    fn is_asked_mildly(&self) -> bool {
        matches!(self.cause.as_deref(), Some(StopCause::Cancelled(_) | StopCause::Stopped(_)))
    }

    /// The grace is over, and it could not be forced: it is stuck. Gives the verdict if there is
    /// one to give while user code is still running.
    pub(crate) fn stuck(&mut self) -> Option<Outcome> {
        self.stuck = self.phase == Phase::Stopping;
        self.give_up()
    }

    /// User code has ended; `None` when the verdict was given before, and this end is dropped.
    pub(crate) fn end(&mut self, end: End) -> Option<Outcome> {
        if self.phase == Phase::Ended {
            return None;
        }
        self.phase = Phase::Ended;
        Some(verdict(self.cause.as_deref(), end))
    }

    /// User code has returned a value; false, and nothing has changed, when there is more to
    /// think about: it was asked to stop, or has ended.
    pub(crate) fn complete(&mut self) -> bool {
        let completes = self.phase == Phase::Running && self.cause.is_none();
        if completes {
            self.phase = Phase::Ended;
        }
        completes
    }

    /// Whether user code was asked to stop.
    pub(crate) const fn is_asked_to_stop(&self) -> bool {
        self.cause.is_some()
    }

    /// Why it was asked to stop, if it was.
    pub(crate) fn stop_reason(&self) -> Option<String> {
        self.cause.as_deref().map(say)
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// A stuck execution that nobody will hear of later gets its verdict now.
    fn give_up(&mut self) -> Option<Outcome> {
        if !self.stuck || self.phase == Phase::Ended {
            return None;
        }
        let (status, kind) = match self.cause.as_deref()? {
            StopCause::Cancelled(_) | StopCause::Stopped(_) => return None,
            StopCause::Deadline => (TaskStatus::TimedOut, FailureKind::TimedOut),
            StopCause::Disconnected
            | StopCause::MasterLost
            | StopCause::EnvironmentClosed
            | StopCause::ShuttingDown => (TaskStatus::Lost, FailureKind::Lost),
        };
        self.phase = Phase::Ended;
        let message = format!("{}; the function is still running", say(self.cause.as_deref()?));
        let mut failure = Failure::of(kind, message, Ran::Yes);
        failure.still_running = true;
        Some(Outcome::failed(status, failure))
    }
}

/// The end of an execution that was asked to stop before it ran.
fn never_ran(cause: &StopCause) -> Outcome {
    let (status, kind) = called(cause);
    Outcome::failed(status, Failure::of(kind, say(cause), Ran::No))
}

/// The table: asked to stop? × how it ended → verdict.
fn verdict(cause: Option<&StopCause>, end: End) -> Outcome {
    match (cause, end) {
        (None, End::Value(value)) => Outcome::completed(value),
        (None, End::Error(failure)) => Outcome::failed(TaskStatus::Failed, failure),
        (None, End::Exited(0)) => Outcome::completed(Payload::null()),
        (None, End::Exited(code)) => Outcome::failed(TaskStatus::Failed, exited(code)),
        (None, End::Dropped) => {
            let failure = Failure::of(FailureKind::Killed, "the function was dropped", Ran::Yes);
            Outcome::failed(TaskStatus::Failed, failure)
        }
        (Some(cause @ StopCause::Deadline), end) => stopped(cause, end),
        // CloudPSS calls it rejected: it was asked to stop, but failed for a reason of its own.
        // Not so an end that passes on how its children were stopped.
        (Some(_), End::Error(failure)) if !is_stop(failure.kind) => {
            Outcome::failed(TaskStatus::Failed, failure)
        }
        (Some(_), End::Exited(code)) if code != 0 => {
            Outcome::failed(TaskStatus::Failed, exited(code))
        }
        (Some(cause), end) => stopped(cause, end),
    }
}

/// The failure of a function that ended with a code of its own.
fn exited(code: i32) -> Failure {
    Failure::new(format!("the function ended with exit code {code}"))
        .with_data(BTreeMap::from([("exit_code", code)]))
}

const fn is_stop(kind: FailureKind) -> bool {
    matches!(kind, FailureKind::Aborted | FailureKind::Killed)
}

/// The end of an execution that stopped because it was asked to.
fn stopped(cause: &StopCause, end: End) -> Outcome {
    let (status, mut kind) = called(cause);
    let mut message = say(cause);
    let mut partial = None;
    let mut trace = Vec::new();
    match end {
        End::Value(value) => partial = Some(Box::new(value)),
        End::Error(failure) => {
            trace.push(failure.message);
            trace.extend(failure.trace);
            trace.truncate(MAX_TRACE_LINES);
        }
        End::Exited(0) => {}
        End::Exited(code) => trace.push(exited(code).message),
        End::Dropped => {
            message.push_str("; it did not stop within the grace and was dropped");
            if status == TaskStatus::Aborted {
                kind = FailureKind::Killed;
            }
        }
    }
    let failure = Failure { partial, trace, ..Failure::of(kind, message, Ran::Yes) };
    Outcome::failed(status, failure)
}

const fn called(cause: &StopCause) -> (TaskStatus, FailureKind) {
    match cause {
        StopCause::Deadline => (TaskStatus::TimedOut, FailureKind::TimedOut),
        StopCause::Cancelled(_)
        | StopCause::Stopped(_)
        | StopCause::Disconnected
        | StopCause::MasterLost
        | StopCause::EnvironmentClosed
        | StopCause::ShuttingDown => (TaskStatus::Aborted, FailureKind::Aborted),
    }
}

fn say(cause: &StopCause) -> String {
    match cause {
        StopCause::Cancelled(reason) if reason.is_empty() => "cancelled by the master".to_owned(),
        StopCause::Cancelled(reason) => format!("cancelled by the master: {reason}"),
        StopCause::Stopped(reason) if reason.is_empty() => "stopped from outside".to_owned(),
        StopCause::Stopped(reason) => format!("stopped from outside: {reason}"),
        StopCause::Deadline => "the deadline passed".to_owned(),
        StopCause::Disconnected => "disconnected".to_owned(),
        StopCause::MasterLost => "contact with the master was lost".to_owned(),
        StopCause::EnvironmentClosed => "the environment was closed".to_owned(),
        StopCause::ShuttingDown => "the slave is shutting down".to_owned(),
    }
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
