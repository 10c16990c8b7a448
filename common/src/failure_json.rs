//! A failure as FunctionGraph's JSON: `{errorMessage, errorType, stackTrace}`.

use serde_json::{Value, json};

use crate::{Failure, FailureKind, MAX_TRACE_LINES};

impl Failure {
    /// FunctionGraph's word for the kind, as its Go runtime has it; ours where it has none.
    pub const fn error_type(&self) -> &'static str {
        match self.kind {
            FailureKind::Function => "FunctionReturnError",
            FailureKind::Panicked => "panic",
            FailureKind::Encode => "FunctionEncodeError",
            FailureKind::TooLarge => "FunctionResponseTooLarge",
            FailureKind::InitFailed => "FunctionInitError",
            FailureKind::InitTimedOut => "FunctionInitTimedOut",
            FailureKind::TimedOut => "FunctionTimedOut",
            FailureKind::Aborted => "FunctionAborted",
            FailureKind::Killed => "FunctionKilled",
            FailureKind::OutOfMemory => "FunctionOutOfMemory",
            FailureKind::Lost => "FunctionLost",
            FailureKind::Refused => "FunctionRefused",
        }
    }

    /// FunctionGraph's JSON of a failure: `errorMessage`, `errorType`, and `stackTrace` with at most
    /// [`MAX_TRACE_LINES`] lines. Source files in it are named within their crate, never by an
    /// absolute path.
    pub fn to_json(&self) -> Value {
        let trace = self.trace.iter().take(MAX_TRACE_LINES);
        json!({
            "errorMessage": self.message,
            "errorType": self.error_type(),
            "stackTrace": trace.map(|line| without_absolute_paths(line)).collect::<Vec<_>>(),
        })
    }
}

/// A line of a trace, its source files named within their crates.
fn without_absolute_paths(line: &str) -> String {
    let shortened = |word| if is_source_path(word) { within_crate(word) } else { word };
    line.split_inclusive(char::is_whitespace).map(shortened).collect()
}

fn is_source_path(word: &str) -> bool {
    let is_absolute = word.starts_with('/') || word.get(1..3).is_some_and(|colon| colon == ":\\");
    is_absolute && word.contains(".rs")
}

/// A source file from the folder of its crate on: what stands above `src`, `tests`, or the like.
fn within_crate(path: &str) -> &str {
    let parts: Vec<_> = path.match_indices(['/', '\\']).map(|(at, _)| at).collect();
    let folder = |from: usize, to: usize| &path[from + 1..to];
    let is_root = |pair: &&[usize]| {
        matches!(folder(pair[0], pair[1]), "src" | "tests" | "examples" | "benches")
    };
    let root = parts.windows(2).rev().find(is_root).map(|pair| pair[0]);
    // The folder above, or the file alone.
    let above = root.and_then(|root| parts.iter().rev().find(|at| **at < root));
    let from = above.or(root.as_ref()).or(parts.last());
    from.map_or(path, |from| &path[from + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_absolute_path_of_a_source_file_reaches_the_trace() {
        let mut failure = Failure::new("broken");
        for line in [
            "at /builder/crates/foo-1.0/src/a/b.rs:1:2",
            "at C:\\x\\foo\\src\\b.rs:1",
            "at /b.rs:3",
            "no path",
        ] {
            failure.push_trace(line);
        }
        let json = failure.to_json();
        let expected = ["at foo-1.0/src/a/b.rs:1:2", "at foo\\src\\b.rs:1", "at b.rs:3", "no path"];
        assert_eq!(json["stackTrace"], json!(expected));
        assert_eq!(json["errorType"], "FunctionReturnError");
        assert_eq!(json["errorMessage"], "broken");
    }

    #[test]
    fn a_trace_of_more_lines_is_cut() {
        let failure = Failure { trace: vec!["x".into(); 100], ..Failure::new("deep") };
        assert_eq!(failure.to_json()["stackTrace"].as_array().map(Vec::len), Some(MAX_TRACE_LINES));
    }
}
