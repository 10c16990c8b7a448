//! How far the stages of a part had come at a moment, and its text.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use super::{NoStage, StageProgress};
use crate::utc::Utc;

/// How far the stages of a part had come at a moment. Its text is PyODPS's
/// `get_stage_progress_formatted_string()`: the time, a space, then each stage and a tab; without
/// stages the time and the space. The time is UTC by the slave's clock, where PyODPS prints the
/// reader's own.
///
/// ```
/// use selsyn_common::PartProgress;
///
/// let text = "2026-11-20 12:04:51 M1_Stg1_job0:0/1/1[100%]\tR2_1_Stg1_job0:1/0/1[0%]\t";
/// let progress: PartProgress = text.parse()?;
/// assert_eq!((progress.stages.len(), progress.to_string().as_str()), (2, text));
/// # Ok::<(), selsyn_common::NoProgress>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartProgress {
    /// When it was so.
    pub at: SystemTime,
    /// Its stages, in their order.
    pub stages: Vec<StageProgress>,
}

impl fmt::Display for PartProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Utc { year, month, day, hour, minute, second } = Utc::of(self.at);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} ")?;
        self.stages.iter().try_for_each(|stage| write!(f, "{stage}\t"))
    }
}

/// A text that is no progress.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoProgress {
    /// It does not begin with a time.
    #[error("{text:?} does not begin with a time like 2026-11-20 12:04:51 and a space")]
    Time {
        /// The text, or its beginning.
        text: String,
    },
    /// What follows is no stage.
    #[error(transparent)]
    Stage(#[from] NoStage),
}

impl NoProgress {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        crate::ErrorCode::FilterInvalid.as_str()
    }
}

impl FromStr for PartProgress {
    type Err = NoProgress;

    fn from_str(text: &str) -> Result<Self, NoProgress> {
        let no_time = || NoProgress::Time { text: text.chars().take(64).collect() };
        let (at, stages) = split_time(text).ok_or_else(no_time)?;
        let stages = stages.split_terminator('\t').map(str::parse);
        Ok(Self { at, stages: stages.collect::<Result<_, _>>()? })
    }
}

/// The time, and what follows its space.
fn split_time(text: &str) -> Option<(SystemTime, &str)> {
    let (time, rest) = text.split_at_checked("2026-11-20 12:04:51".len())?;
    let mut numbers = time.split(['-', ' ', ':']).map(|number| number.parse().ok());
    let mut next = || numbers.next()?;
    let [year, month, day, hour, minute, second] =
        [next()?, next()?, next()?, next()?, next()?, next()?];
    let at = Utc { year, month, day, hour, minute, second }.time()?;
    Some((at, rest.strip_prefix(' ')?))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn without_stages_it_is_the_time_and_a_space() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_763_640_291);
        let progress = PartProgress { at, stages: Vec::new() };
        assert_eq!(progress.to_string(), "2025-11-20 12:04:51 ");
        assert_eq!(progress.to_string().parse(), Ok(progress));
    }

    #[test]
    fn what_has_no_time_or_no_stage_is_refused() {
        for text in [
            "",
            "2025-11-20",
            "2025-02-30 12:04:51 ",
            "2025-11-20 12:04:51",
            "ä".repeat(30).as_str(),
        ] {
            assert!(matches!(text.parse::<PartProgress>(), Err(NoProgress::Time { .. })), "{text}");
        }
        let error = "2025-11-20 12:04:51 x\t".parse::<PartProgress>().unwrap_err();
        assert!(matches!(error, NoProgress::Stage(_)));
    }
}
