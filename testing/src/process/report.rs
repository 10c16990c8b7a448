//! Keeps the last lines of a process's standard error, and prints them when the test fails.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStderr;
use tokio::task::JoinHandle;

/// Lines that are kept: a panic with its backtrace, and what led to it.
const KEPT: usize = 500;

#[derive(Debug)]
pub(super) struct Report {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Ends with the process.
    reader: JoinHandle<()>,
}

impl Report {
    pub(super) fn of(stderr: ChildStderr) -> Self {
        let lines = Arc::<Mutex<VecDeque<String>>>::default();
        let kept = Arc::clone(&lines);
        let reader = tokio::spawn(async move {
            let mut said = BufReader::new(stderr).lines();
            while let Ok(Some(line)) = said.next_line().await {
                keep(&mut lock(&kept), line);
            }
        });
        Self { lines, reader }
    }

    /// Takes over what an earlier life said.
    pub(super) fn follow(&self, earlier: &Self) {
        let mut lines = lock(&self.lines);
        let later = std::mem::take(&mut *lines);
        for line in lock(&earlier.lines).drain(..).chain(later) {
            keep(&mut lines, line);
        }
    }

    /// Everything, once the process has ended.
    pub(super) async fn complete(mut self) -> String {
        let _ = (&mut self.reader).await;
        let said = self.to_string();
        lock(&self.lines).clear();
        said
    }
}

fn keep(lines: &mut VecDeque<String>, line: String) {
    if lines.len() == KEPT {
        lines.pop_front();
    }
    lines.push_back(line);
}

fn lock(lines: &Mutex<VecDeque<String>>) -> MutexGuard<'_, VecDeque<String>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lock(&self.lines).iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl Drop for Report {
    fn drop(&mut self) {
        if std::thread::panicking() && !lock(&self.lines).is_empty() {
            #[expect(clippy::print_stderr, reason = "a failed test is read on standard error")]
            {
                eprintln!("a slave process said:\n{self}");
            }
        }
    }
}
