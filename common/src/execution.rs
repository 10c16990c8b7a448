//! What there is to say of an execution to whoever looks at it.

mod filter;

use std::time::{Duration, SystemTime};

use crate::{ExecutionId, MasterId, Outcome, Output, TaskStatus};

pub use filter::{StatusFilter, UnknownStatus};

/// How far an execution has come on its slave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It waits for a slot.
    Waiting,
    /// User code runs.
    Running,
    /// User code runs, and was asked to stop.
    Stopping,
    /// It has its verdict.
    Ended,
}

impl Phase {
    /// Every phase, in the order in which they come.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Running, Self::Stopping, Self::Ended];

    /// The name in filters and tools.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Ended => "ENDED",
        }
    }
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// An execution as a list shows it: what a slave says of it at one moment. PyODPS calls it an
/// instance.
///
/// Times are by the slave's clock as it was at its boot; they label and decide nothing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExecutionInfo {
    /// Which run.
    pub id: ExecutionId,
    /// The function it runs.
    pub function: String,
    /// The master it belongs to.
    pub owner: MasterId,
    /// That master's name for the connection it came by; empty when it was started without one.
    pub connection: String,
    /// How far it has come.
    pub phase: Phase,
    /// STARTED, or its verdict.
    pub status: TaskStatus,
    /// It is the one in front.
    pub foreground: bool,
    /// When it came.
    pub came: SystemTime,
    /// When user code began, if it has.
    pub began: Option<SystemTime>,
    /// When it had its verdict, if it has.
    pub ended: Option<SystemTime>,
    /// The labels it was started with: words, or `key=value`.
    pub labels: Vec<String>,
    /// Why it was asked to stop; empty when it was not, or had ended before.
    pub stop_reason: String,
    /// The execution whose function started it, if one did.
    pub parent: Option<ExecutionId>,
    /// Number that its next event will have.
    pub next_seq: u64,
    /// Parts that it has reported.
    pub parts: u32,
    /// Those of them that have succeeded.
    pub parts_succeeded: u32,
}

impl ExecutionInfo {
    /// Whether it has its verdict (PyODPS: `is_terminated`).
    pub fn is_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Whether it has ended with a value, and all of its parts well; `None` while it has not ended.
    /// (PyODPS's `is_successful` says no both for what failed and for what runs.)
    pub fn is_successful(&self) -> Option<bool> {
        let is_well = self.status == TaskStatus::Completed && self.parts == self.parts_succeeded;
        self.is_ended().then_some(is_well)
    }
}

/// Something that happened to an execution, with its place in the event log.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionEvent {
    /// Its place, from 1.
    pub seq: u64,
    /// When, as in [`ExecutionInfo`].
    pub at: SystemTime,
    /// What.
    pub what: Happened,
}

/// What can happen to an execution.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Happened {
    /// The slave has taken it.
    Accepted,
    /// User code began.
    Running,
    /// User code was asked to stop; why.
    Stopping(String),
    /// It showed something.
    Output(Output),
    /// It has its verdict. Nothing comes after this.
    Ended(Outcome),
    /// So many events, this one's place on, are kept no more.
    Gap(u64),
}

impl ExecutionEvent {
    /// The place of the event after it.
    pub const fn next_seq(&self) -> u64 {
        match self.what {
            Happened::Gap(count) => self.seq.saturating_add(count),
            _ => self.seq.saturating_add(1),
        }
    }
}

/// A label of the wire: microseconds since 1970.
pub fn time_of(micros: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

/// The label of a moment; 0 for what lies before 1970.
pub(crate) fn micros_of(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
