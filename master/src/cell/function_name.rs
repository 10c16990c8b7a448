//! The name of a function, as a task keeps it.

use std::fmt;
use std::hash::{Hash, Hasher};

/// Bytes of a name that is kept where its task is.
const SHORT: usize = 22;

/// The name of a function. Most are short, and then cost no memory of their own.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum FunctionName {
    Short { bytes: u8, text: [u8; SHORT] },
    Long(Box<str>),
}

impl FunctionName {
    /// The slave's default function.
    pub(crate) const DEFAULT: Self = Self::Short { bytes: 0, text: [0; SHORT] };

    pub(crate) fn new(name: &str) -> Self {
        let mut new = Self::DEFAULT;
        new.set(name);
        new
    }

    /// Takes this name. A short one is written where it stays: it would have to be waited for if it
    /// was moved at once.
    #[inline]
    pub(crate) fn set(&mut self, name: &str) {
        *self = Self::DEFAULT;
        if let Self::Short { bytes, text } = self
            && let Some(begin) = text.get_mut(..name.len())
        {
            begin.copy_from_slice(name.as_bytes());
            *bytes = name.len() as u8;
        } else {
            *self = Self::Long(name.into());
        }
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { bytes, text } => &text[..usize::from(*bytes)],
            Self::Long(name) => name.as_bytes(),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Short { .. } => {
                std::str::from_utf8(self.as_bytes()).expect("it was made of a whole str")
            }
            Self::Long(name) => name,
        }
    }
}

/// A short name is hashed by the word, as its room is always of one size.
impl Hash for FunctionName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Short { bytes, text } => {
                let mut words = [0; 24];
                words[..SHORT].copy_from_slice(text);
                words[SHORT] = *bytes;
                for word in words.as_chunks().0 {
                    state.write_u64(u64::from_le_bytes(*word));
                }
            }
            Self::Long(name) => name.hash(state),
        }
    }
}

impl fmt::Debug for FunctionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_was_given() {
        for name in ["", "add", "äöü", &"x".repeat(SHORT), &"x".repeat(SHORT + 1), &"ü".repeat(300)]
        {
            let kept = FunctionName::new(name);
            assert_eq!((kept.as_str(), kept.as_bytes()), (name, name.as_bytes()));
        }
    }
}
