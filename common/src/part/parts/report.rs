//! What a function may report of its parts, and in which order.

use std::time::SystemTime;

use super::{Parts, kept};
use crate::part::{Part, PartError, PartResult, PartStatus, StageProgress};
use crate::{Failure, FailureKind, Ran};

/// What a function reports of one of its parts.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub enum PartChange {
    Begin,
    Progress(Vec<StageProgress>),
    Succeed(PartResult),
    Fail(Box<Failure>),
    Cancel(String),
}

/// The slave's side: strict, so that what leaves is so.
#[doc(hidden)]
impl Parts {
    /// Adds a part; gives its first report.
    ///
    /// # Errors
    ///
    /// When it cannot have the name, or there are too many.
    pub fn add(&mut self, name: String, at: SystemTime) -> Result<Part, PartError> {
        check_name(&name)?;
        if self.places.contains_key(&name) {
            return Err(PartError::Duplicate { name });
        }
        let place = u32::try_from(self.len()).unwrap_or(u32::MAX).saturating_add(1);
        if place > Self::MAX_PARTS {
            return Err(PartError::TooMany { limit: Self::MAX_PARTS });
        }
        self.take(Part::waiting(place, name, at))
    }

    /// Changes a part; gives its report, unless it says nothing new.
    ///
    /// # Errors
    ///
    /// When it has ended, or would be too large.
    pub fn change(
        &mut self,
        place: u32,
        change: PartChange,
        at: SystemTime,
    ) -> Result<Option<Part>, PartError> {
        let Some(part) = self.parts.get(&place) else { return Err(PartError::ExecutionEnded) };
        if part.status.is_final() {
            return Err(PartError::Ended { name: part.name.clone(), status: part.status });
        }
        if part.status == PartStatus::Running && matches!(change, PartChange::Begin) {
            return Ok(None);
        }
        check_stages(part, &change)?;
        let changed = part.clone().changed(change, at);
        self.take(changed).map(Some)
    }

    /// Keeps a part if there is room for it.
    fn take(&mut self, part: Part) -> Result<Part, PartError> {
        let content = part.content();
        if content > Part::MAX_BYTES {
            let (name, limit) = (part.name, Part::MAX_BYTES);
            return Err(PartError::TooLarge { name, bytes: content, limit });
        }
        let had = self.parts.get(&part.place).map_or(0, kept);
        let bytes = self.bytes - had + kept(&part);
        if bytes > Self::MAX_BYTES {
            return Err(PartError::TooLargeTogether { bytes, limit: Self::MAX_BYTES });
        }
        self.put(part.clone(), bytes);
        Ok(part)
    }
}

impl Part {
    fn changed(mut self, change: PartChange, at: SystemTime) -> Self {
        self.revision = self.revision.saturating_add(1);
        self.reported = at;
        let began = self.began.or(Some(at));
        (self.status, self.began) = match change {
            PartChange::Begin => (PartStatus::Running, began),
            PartChange::Progress(stages) => {
                self.stages = stages;
                (PartStatus::Running, began)
            }
            PartChange::Succeed(result) => {
                self.result = result;
                (PartStatus::Success, began)
            }
            PartChange::Fail(failure) => {
                self.failure = Some(failure);
                (PartStatus::Failed, began)
            }
            PartChange::Cancel(reason) => {
                let ran = if self.began.is_some() { Ran::Yes } else { Ran::No };
                let failure = Failure::of(FailureKind::Aborted, reason, ran);
                self.failure = Some(Box::new(failure));
                (PartStatus::Cancelled, self.began)
            }
        };
        self.ended = self.status.is_final().then_some(at);
        self
    }
}

fn check_name(name: &str) -> Result<(), PartError> {
    let problem = if name.is_empty() {
        "is empty"
    } else if name.len() > Part::MAX_NAME {
        "has more than 256 bytes"
    } else if name.contains(char::is_control) {
        "has a control character"
    } else {
        return Ok(());
    };
    Err(PartError::Name { name: name.chars().take(64).collect(), problem })
}

fn check_stages(part: &Part, change: &PartChange) -> Result<(), PartError> {
    let PartChange::Progress(stages) = change else { return Ok(()) };
    if stages.len() > Part::MAX_STAGES {
        let (name, limit) = (part.name.clone(), Part::MAX_STAGES);
        return Err(PartError::TooManyStages { name, limit });
    }
    stages.iter().try_for_each(StageProgress::check)
}
