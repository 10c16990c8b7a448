//! The end of an execution's log, as it comes with the outcome.

/// The last lines of a log: at most [`LogTail::MAX_BYTES`], cut between two characters
/// (FunctionGraph: 4 KB of log with the result).
///
/// The text of a tail that was cut cannot be taken for the whole log: it is only given together
/// with the question, by [`whole`](Self::whole), or by name, as [`last`](Self::last).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogTail {
    text: String,
    total_bytes: u64,
}

impl LogTail {
    /// Longest tail, in bytes.
    pub const MAX_BYTES: usize = 4_096;

    /// Adds a line.
    pub fn push(&mut self, line: &str) {
        self.total_bytes += line.len() as u64 + 1;
        // What is cut off at once need not be copied.
        self.text.push_str(last_bytes(line, Self::MAX_BYTES));
        self.text.push('\n');
        // Cut now and then, and not at every line: a cut moves all that stays.
        if self.text.len() > 2 * Self::MAX_BYTES {
            self.cut();
        }
    }

    /// A tail that came over the wire; what is too long is cut.
    pub(crate) fn received(text: String, total_bytes: u64) -> Self {
        let total_bytes = total_bytes.max(text.len() as u64);
        let mut tail = Self { text, total_bytes };
        tail.cut();
        tail
    }

    /// The last lines, whatever came before them.
    pub fn last(&self) -> &str {
        last_bytes(&self.text, Self::MAX_BYTES)
    }

    /// The whole log; `None` when there was more of it than the tail.
    pub fn whole(&self) -> Option<&str> {
        (!self.is_truncated()).then(|| self.last())
    }

    /// Whether there was more of the log before the tail.
    pub fn is_truncated(&self) -> bool {
        self.total_bytes > self.last().len() as u64
    }

    /// Bytes of the whole log, line ends included.
    pub const fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    pub(crate) fn into_text(mut self) -> String {
        self.cut();
        self.text
    }

    fn cut(&mut self) {
        let excess = self.text.len() - self.last().len();
        self.text.drain(..excess);
    }
}

impl From<&str> for LogTail {
    /// A log of these lines.
    fn from(lines: &str) -> Self {
        Self::received(lines.to_owned(), lines.len() as u64)
    }
}

/// The last bytes of a text, without a part of a character.
fn last_bytes(text: &str, most: usize) -> &str {
    let from = text.len().saturating_sub(most);
    let from = (from..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
    &text[from..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_log_is_whole() {
        let mut tail = LogTail::default();
        tail.push("one");
        tail.push("two");
        assert_eq!((tail.whole(), tail.total_bytes()), (Some("one\ntwo\n"), 8));
    }

    #[test]
    fn a_long_log_is_cut_between_two_characters_and_says_so() {
        let mut tail = LogTail::default();
        (0..2_000).for_each(|_| tail.push("ä"));
        assert_eq!((tail.whole(), tail.total_bytes()), (None, 6_000));
        assert!(tail.last().len() <= LogTail::MAX_BYTES && tail.last().ends_with("ä\nä\n"));
        let line = "ä".repeat(5_000);
        tail.push(&line);
        assert_eq!(tail.last().chars().filter(|c| *c == 'ä').count(), 2_047);
        assert_eq!(tail.clone().into_text(), tail.last());
    }
}
