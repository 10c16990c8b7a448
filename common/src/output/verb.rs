//! What an output does to the thing that its key names.

use std::fmt;

use super::OutputError;

/// What an output does to the thing that its key names. The words are CloudPSS's.
///
/// A verb whose key names nothing yet, or a thing of another kind, shows what it carries: a reader
/// that came late or missed something has a picture all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Shows it anew: containers only.
    Create,
    /// Covers what was there.
    #[default]
    Replace,
    /// Joins on behind: traces and columns by their position in the list, a log's text as text.
    Append,
    /// Joins on in front, as [`Verb::Append`] does behind.
    Prepend,
    /// Covers the attributes that it carries, and leaves the others: plots only.
    Update,
}

impl Verb {
    const ALL: [Self; 5] = [Self::Create, Self::Replace, Self::Append, Self::Prepend, Self::Update];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Append => "append",
            Self::Prepend => "prepend",
            Self::Update => "update",
        }
    }

    /// Whether outputs of this kind have it.
    pub(super) fn of(self, kind: &'static str, verbs: &[Self]) -> Result<(), OutputError> {
        if verbs.contains(&self) {
            return Ok(());
        }
        Err(OutputError::Verb { kind, verb: self.as_str().to_owned() })
    }

    /// Reads a word; without one it is `Replace`.
    pub(super) fn read(
        word: Option<&str>,
        kind: &'static str,
        verbs: &[Self],
    ) -> Result<Self, OutputError> {
        let Some(word) = word else { return Ok(Self::Replace) };
        let verb = Self::ALL.into_iter().find(|verb| verb.as_str() == word);
        let verb = verb.ok_or_else(|| OutputError::Verb { kind, verb: word.to_owned() })?;
        verb.of(kind, verbs).map(|()| verb)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
