//! How far an execution has come.

use serde::{Deserialize, Serialize};

use super::OutputError;

/// How far an execution has come, as a bar.
///
/// Serialises as the data of CloudPSS's envelope, without the key; `done` and `total` stand in it
/// only where they were given.
///
/// ```
/// use selsyn_common::Progress;
///
/// let bar = Progress::counts(15, 20).key("epochs").title("training");
/// assert_eq!(bar.value, 0.75);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Progress {
    /// Which bar; [`Progress::DEFAULT_KEY`] where the function names none.
    #[serde(skip)]
    pub key: Option<String>,
    /// Between 0 and 1.
    pub value: f64,
    /// What the bar is about; default empty.
    #[serde(default)]
    pub title: String,
    /// The counts behind the value, where it was given as such.
    #[serde(flatten)]
    pub counts: Option<Counts>,
}

/// So much of so much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// What is done.
    pub done: u64,
    /// What there is to do.
    pub total: u64,
}

impl Progress {
    /// The key of a bar that the function did not name, as in CloudPSS.
    pub const DEFAULT_KEY: &str = "progress-1";

    /// A part of the whole, between 0 and 1; another value is refused when it is shown.
    pub fn fraction(value: f64) -> Self {
        let key = Some(Self::DEFAULT_KEY.to_owned());
        Self { key, value, title: String::new(), counts: None }
    }

    /// So much of so much; more than all is refused when it is shown. Nothing of nothing is all.
    #[expect(clippy::cast_precision_loss, reason = "a bar has fewer points than a double")]
    pub fn counts(done: u64, total: u64) -> Self {
        let value = if total == 0 { 1.0 } else { done as f64 / total as f64 };
        Self { counts: Some(Counts { done, total }), ..Self::fraction(value) }
    }

    /// Names the bar: each key is a bar of its own.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Says what the bar is about.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    pub(super) fn check(&self) -> Result<(), OutputError> {
        match self.counts {
            Some(Counts { done, total }) if done > total => {
                Err(OutputError::Counts { done, total })
            }
            _ if (0.0..=1.0).contains(&self.value) => Ok(()),
            _ => Err(OutputError::Progress(self.value)),
        }
    }
}

impl From<f64> for Progress {
    fn from(value: f64) -> Self {
        Self::fraction(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_a_number_between_0_and_1_is_progress() {
        for value in [0.0, 0.5, 1.0] {
            Progress::fraction(value).check().unwrap();
        }
        for value in [-0.1, 1.1, f64::NAN, f64::INFINITY] {
            let error = Progress::fraction(value).check().unwrap_err();
            assert!(matches!(error, OutputError::Progress(_)));
        }
    }

    #[test]
    fn counts_are_a_fraction_and_never_more_than_all() {
        assert_eq!(Progress::counts(0, 0).value, 1.0);
        Progress::counts(3, 3).check().unwrap();
        let error = Progress::counts(4, 3).check().unwrap_err();
        assert_eq!(error.to_string(), "progress cannot be 4 of 3");
    }
}
