//! Tells how far it is, on standard error: standard output is for results.

use std::io::Write as _;

/// Writes a line; one that cannot be written is nobody's loss.
pub(crate) fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}
