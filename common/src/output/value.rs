//! Turns what a function gives into JSON, and notes what JSON cannot say.

mod finite;

use serde::Serialize;
use serde_json::Value;

use super::OutputError;
use finite::is_finite;

/// What becomes of numbers that JSON has not: NaN and the infinities.
///
/// Both ways what leaves is JSON. A number that was `null` before it came here, as `json!` makes
/// it, is no number any more and passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NonFinite {
    /// They become `null`: a gap in a curve, an empty cell in a table.
    #[default]
    Null,
    /// They are refused, with the place where they stand.
    Refuse,
}

/// What is doubtful about the values that a builder was given: told when they are to be shown.
/// Lean, as every trace and every column has them and few have any.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Doubts(Option<Box<Doubt>>);

#[derive(Clone, Debug, PartialEq)]
enum Doubt {
    /// Where the first number stands that JSON has not.
    NonFinite(String),
    /// What cannot be shown in any way.
    Error(OutputError),
}

impl Doubts {
    /// A value as JSON; `null` where that cannot be, which is noted.
    pub(super) fn json(&mut self, place: &str, value: &(impl Serialize + ?Sized)) -> Value {
        let json = serde_json::to_value(value).unwrap_or_else(|error| {
            let message = error.to_string();
            self.note(OutputError::NotEncodable { place: place.to_owned(), message });
            Value::Null
        });
        if self.0.is_none() && !is_finite(value) {
            self.0 = Some(Box::new(Doubt::NonFinite(place.to_owned())));
        }
        json
    }

    /// Notes a value of another shape than it must have.
    pub(super) fn shape(&mut self, place: &str, wanted: &'static str) {
        self.note(OutputError::Shape { place: place.to_owned(), wanted });
    }

    /// Notes what is wrong; the first counts, and weighs more than a number.
    fn note(&mut self, error: OutputError) {
        if !matches!(self.0.as_deref(), Some(Doubt::Error(_))) {
            self.0 = Some(Box::new(Doubt::Error(error)));
        }
    }

    pub(super) fn check(&self, policy: NonFinite) -> Result<(), OutputError> {
        match self.0.as_deref() {
            Some(Doubt::Error(error)) => Err(error.clone()),
            Some(Doubt::NonFinite(place)) if policy == NonFinite::Refuse => {
                Err(OutputError::NonFinite { place: place.clone() })
            }
            _ => Ok(()),
        }
    }
}
