//! Named parts of an execution's work, each with a status and a result of its own.

mod error;
mod failure_text;
mod progress;
mod read_error;
mod result;
mod stage;
mod status;

mod parts;

use std::time::SystemTime;

use serde::{Serialize, Serializer};
use serde_json::json;

use crate::Failure;

pub use error::PartError;
pub use failure_text::{FailureText, FailureTextKind};
pub use parts::{PartChange, Parts};
pub use progress::{NoProgress, PartProgress};
pub use read_error::PartReadError;
pub use result::{PartExtent, PartResult};
pub use stage::{NoStage, StageProgress};
pub use status::{PartStatus, UnknownPartStatus};

/// A named part of an execution's work, as it stands. PyODPS calls it a task of an instance.
///
/// Times are by the slave's clock, as in [`ExecutionInfo`](crate::ExecutionInfo).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Part {
    /// Its place among the parts, from 1, in the order in which they were first reported.
    pub place: u32,
    /// Counts its reports, from 1: a later one covers an earlier one.
    pub revision: u32,
    /// What names it: no other part of the execution has the name.
    pub name: String,
    /// Where it stands.
    pub status: PartStatus,
    /// When it was reported last.
    pub reported: SystemTime,
    /// When it began to run, if it has.
    pub began: Option<SystemTime>,
    /// When it ended, if it has and that is known.
    pub ended: Option<SystemTime>,
    /// How far its stages have come.
    pub stages: Vec<StageProgress>,
    /// What it gave; nothing before it has succeeded.
    pub result: PartResult,
    /// Why it failed or was cancelled, if it was.
    pub failure: Option<Box<Failure>>,
}

impl Part {
    /// Most bytes of one part: its name, its stages, and its result or its failure. As much as an
    /// [output](crate::OutputContent::MAX_BYTES) may have.
    pub const MAX_BYTES: usize = 1_000_000;

    /// Longest name, in bytes.
    pub const MAX_NAME: usize = 256;

    /// Most stages of one part: a thousand lines are more than anybody reads.
    pub const MAX_STAGES: usize = 1_000;

    /// A part that was not heard of before.
    pub(crate) fn waiting(place: u32, name: String, reported: SystemTime) -> Self {
        Self {
            place,
            revision: 1,
            name,
            status: PartStatus::Waiting,
            reported,
            began: None,
            ended: None,
            stages: Vec::new(),
            result: PartResult::none(),
            failure: None,
        }
    }

    /// How far its stages had come when it was reported last (PyODPS: `get_task_progress`).
    pub fn progress(&self) -> PartProgress {
        PartProgress { at: self.reported, stages: self.stages.clone() }
    }

    /// What its failure says; `None` where it has none.
    pub fn failure_text(&self) -> Option<FailureText> {
        self.failure.as_deref().map(|failure| FailureText::parse(&failure.message))
    }

    /// About how many bytes it takes in memory, alone.
    pub(crate) fn weight(&self) -> usize {
        let failure = self.failure.as_ref().map_or(0, |_| size_of::<Failure>());
        size_of::<Self>() + failure + self.content()
    }

    /// How many bytes it has of what was reported.
    pub(crate) fn content(&self) -> usize {
        let stages = self.stages.iter().map(StageProgress::weight).sum::<usize>();
        let failure = self.failure.as_deref().map_or(0, weigh_failure);
        self.name.len() + stages + self.result.bytes() + failure
    }
}

fn weigh_failure(failure: &Failure) -> usize {
    let payload = |payload: Option<&crate::Payload>| payload.map_or(0, crate::Payload::len);
    let trace = failure.trace.iter().map(String::len).sum::<usize>();
    let along = payload(failure.data.as_ref()) + payload(failure.partial.as_deref());
    failure.message.len() + trace + along
}

/// What is shown of it: everything but its result, of which it says whether there is one.
impl Serialize for Part {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let micros = |time: Option<SystemTime>| {
            let since = time?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
            u64::try_from(since.as_micros()).ok()
        };
        json!({
            "name": self.name,
            "place": self.place,
            "status": self.status.name(),
            "began_micros": micros(self.began),
            "ended_micros": micros(self.ended),
            "stages": self.stages.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "result": self.result.extent().name(),
            "failure": self.failure.as_ref().map(|failure| &failure.message),
        })
        .serialize(serializer)
    }
}
