//! An address at which people look at one execution.

use std::fmt;
use std::time::Duration;

/// An address at which people look at one execution: its state, its progress and its log, as they
/// come, until its end. `Display` shows it; `Debug` does not, as it is a secret: whoever has it may
/// look, without a token, until it runs out.
///
/// A browser shows it without any script; `curl -N` shows it as text. It reads only, and leads to
/// this execution only. What the function logged as HTML is shown as it is written.
#[derive(Clone, PartialEq, Eq)]
pub struct Logview {
    address: String,
    valid: Duration,
}

impl Logview {
    /// An address, and how long it leads to its execution from now on.
    pub const fn new(address: String, valid: Duration) -> Self {
        Self { address, valid }
    }

    /// Where it stands. The path alone, as `/logview/…`, where nobody knows what other programs call
    /// the slave: a master that reaches it by a dial of its own does not, and a function does not
    /// whose slave listens on every address of its machine.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// How long it leads there, counted from when it was asked for.
    pub const fn valid_for(&self) -> Duration {
        self.valid
    }
}

impl fmt::Display for Logview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.address)
    }
}

impl fmt::Debug for Logview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logview").field("valid", &self.valid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_the_secret() {
        let logview = Logview::new("http://gpu-3/logview/5ec2e7".to_owned(), Duration::ZERO);
        assert!(!format!("{logview:?}").contains("5ec2e7"));
    }
}
