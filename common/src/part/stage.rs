//! How far one stage of a part has come, and its text.

use std::fmt;
use std::str::FromStr;

use super::PartError;

/// How far one stage of a part has come: PyODPS's words, and its text both ways.
///
/// ```
/// use selsyn_common::StageProgress;
///
/// let stage = StageProgress::new("M1_Stg1_job0").workers(0, 1, 1).percent(100);
/// assert_eq!(stage.to_string(), "M1_Stg1_job0:0/1/1[100%]");
/// assert_eq!("M1_Stg1_job0:0/1/1[100%]".parse(), Ok(stage.clone()));
/// assert_eq!(stage.backup(2).to_string(), "M1_Stg1_job0:0/1/1(+2 backups)[100%]");
/// ```
///
/// The text has no records: they are 0 when it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StageProgress {
    /// What names it.
    pub id: String,
    /// Workers that run.
    pub running: u32,
    /// Workers that have ended.
    pub terminated: u32,
    /// All of its workers.
    pub total: u32,
    /// Workers that were started in case another one is slow.
    pub backup: u32,
    /// Records it has read.
    pub records_in: u64,
    /// Records it has written.
    pub records_out: u64,
    /// How much of it is done, from 0 to 100.
    pub percent: u8,
}

impl StageProgress {
    /// A stage of which nothing is done.
    pub fn new(id: impl Into<String>) -> Self {
        Self { id: id.into(), ..Self::default() }
    }

    /// Workers that run, that have ended, and all of them.
    #[must_use]
    pub const fn workers(mut self, running: u32, terminated: u32, total: u32) -> Self {
        (self.running, self.terminated, self.total) = (running, terminated, total);
        self
    }

    /// Workers that were started in case another one is slow.
    #[must_use]
    pub const fn backup(mut self, workers: u32) -> Self {
        self.backup = workers;
        self
    }

    /// Records read and written.
    #[must_use]
    pub const fn records(mut self, read: u64, written: u64) -> Self {
        (self.records_in, self.records_out) = (read, written);
        self
    }

    /// How much of it is done; more than 100 is refused when it is reported.
    #[must_use]
    pub const fn percent(mut self, percent: u8) -> Self {
        self.percent = percent;
        self
    }

    pub(super) fn check(&self) -> Result<(), PartError> {
        let problem = if self.id.is_empty() {
            "has no name"
        } else if self.id.len() > super::Part::MAX_NAME {
            "has a name of more than 256 bytes"
        } else if self.id.contains(char::is_control) {
            "has a name with a control character, which its text cannot tell from its end"
        } else if self.percent > 100 {
            "is done by more than 100 percent"
        } else {
            return Ok(());
        };
        let stage = self.id.chars().take(64).collect();
        Err(PartError::Stage { stage, problem })
    }

    /// About how many bytes it takes.
    pub(super) const fn weight(&self) -> usize {
        size_of::<Self>() + self.id.len()
    }
}

/// `id:running/terminated/total[percent%]`, with `(+n backups)` in between where there are some.
impl fmt::Display for StageProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, running, terminated, total, backup, percent, .. } = self;
        write!(f, "{id}:{running}/{terminated}/{total}")?;
        if *backup > 0 {
            write!(f, "(+{backup} backups)")?;
        }
        write!(f, "[{percent}%]")
    }
}

/// A text that is no stage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no stage: it looks like M1_Stg1_job0:0/1/1[100%]")]
pub struct NoStage {
    /// The text, or its beginning.
    pub text: String,
}

impl NoStage {
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.chars().take(64).collect() }
    }

    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        crate::ErrorCode::FilterInvalid.as_str()
    }
}

impl FromStr for StageProgress {
    type Err = NoStage;

    fn from_str(text: &str) -> Result<Self, NoStage> {
        let stage = read(text).filter(|stage| stage.check().is_ok());
        stage.ok_or_else(|| NoStage::of(text))
    }
}

/// From behind: a name may have anything in it.
fn read(text: &str) -> Option<StageProgress> {
    let (rest, percent) = text.strip_suffix("%]")?.rsplit_once('[')?;
    let (rest, backup) = match rest.strip_suffix(" backups)") {
        Some(rest) => rest.rsplit_once("(+")?,
        None => (rest, "0"),
    };
    let (id, workers) = rest.rsplit_once(':')?;
    let mut workers = workers.split('/').map(number);
    let (running, terminated, total) = (workers.next()??, workers.next()??, workers.next()??);
    if workers.next().is_some() {
        return None;
    }
    let percent = u8::try_from(number(percent)?).ok()?;
    let stage = StageProgress::new(id).workers(running, terminated, total);
    Some(stage.backup(number(backup)?).percent(percent))
}

/// Digits only: `+1` is no number here.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_read_as_it_was_written_whatever_its_name() {
        for id in ["M1_Stg1_job0", "a:b", "a:1/2/3[4%]", "x(+2 backups)", "ä b"] {
            let stage = StageProgress::new(id).workers(1, u32::MAX, 3).percent(42);
            for stage in [stage.clone(), stage.backup(7)] {
                assert_eq!(stage.to_string().parse(), Ok(stage));
            }
        }
    }

    #[test]
    fn what_is_no_stage_is_refused() {
        for text in [
            "",
            "x",
            ":0/1/1[100%]",
            "x:0/1[100%]",
            "x:0/1/1/1[100%]",
            "x:0/1/1[101%]",
            "x:0/1/1[]",
            "x:0/1/1[+5%]",
            "x:-1/1/1[5%]",
            "x:0/1/1[5]",
            "x:0/1/99999999999[5%]",
            "x\ty:0/1/1[5%]",
            "x:0/1/1(+ backups)[5%]",
        ] {
            assert_eq!(text.parse::<StageProgress>().unwrap_err().code(), "E0304", "{text}");
        }
    }
}
