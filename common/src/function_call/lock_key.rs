//! The key of a lock.

use std::fmt;

/// The key of a lock, which no output shows (bluesky: `lock_key`).
#[derive(Clone, PartialEq, Eq)]
pub struct LockKey(Box<str>);

impl LockKey {
    /// The key, for whoever compares it.
    pub const fn reveal(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for LockKey {
    fn from(key: T) -> Self {
        Self(key.into().into_boxed_str())
    }
}

impl fmt::Debug for LockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockKey(..)")
    }
}
