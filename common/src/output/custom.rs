//! What only the application understands.

use serde::Serialize;
use serde_json::Value;

use super::value::{Doubts, NonFinite};
use super::{OutputError, Verb};

/// Whatever only the application and its readers understand.
///
/// Its data is the data of CloudPSS's envelope. Its verb may be any word; whatever it is, a
/// picture keeps what came last under a key.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Custom {
    /// Names the thing, so that a later output acts on it; default none.
    pub key: Option<String>,
    /// What it does to the thing of the same key: a word of the application; default `replace`.
    pub verb: String,
    /// The data: anything that is JSON.
    pub data: Value,
    non_finite: NonFinite,
    doubts: Doubts,
}

impl Custom {
    /// Data without a key.
    pub fn new(data: impl Serialize) -> Self {
        let mut doubts = Doubts::default();
        let data = doubts.json("data", &data);
        let verb = Verb::Replace.as_str().to_owned();
        Self { verb, data, doubts, ..Self::default() }
    }

    /// Names the thing, so that a later output with the same key acts on it.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What it does to the thing of the same key: a word that its readers know.
    #[must_use]
    pub fn verb(mut self, verb: impl Into<String>) -> Self {
        self.verb = verb.into();
        self
    }

    /// What becomes of numbers that JSON has not; default [`NonFinite::Null`].
    #[must_use]
    pub const fn non_finite(mut self, policy: NonFinite) -> Self {
        self.non_finite = policy;
        self
    }

    pub(super) fn check(&self) -> Result<(), OutputError> {
        self.doubts.check(self.non_finite)
    }
}
