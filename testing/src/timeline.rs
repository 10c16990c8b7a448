//! What happened in a test, in order, to be read when it fails.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selsyn::{RunningTask, TaskEvent};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Entries that are kept: enough for what led to a failure, and readable. The oldest go first.
const KEPT: usize = 2_000;
/// Entries of tasks, of which a test may have thousands: they must not drive out the others.
const KEPT_OF_TASKS: usize = 500;

/// Notes what happens, with its time, in a bounded buffer. Clones write into the same one.
///
/// [`TestCluster`](crate::TestCluster) and [`FaultProxy`](crate::FaultProxy) write into it by
/// themselves; a test adds what it does with [`note`](Self::note) and [`follow`](Self::follow).
/// Keep a [`PrintOnFailure`] where the test runs, and a failed test prints it.
#[derive(Clone, Debug)]
pub struct Timeline(Arc<Book>);

#[derive(Debug)]
struct Book {
    begun: Instant,
    seed: Option<u64>,
    entries: Mutex<Entries>,
    of_tasks: Mutex<Entries>,
}

#[derive(Debug, Default)]
struct Entries {
    kept: VecDeque<(Duration, String)>,
    dropped: u64,
}

impl Entries {
    fn push(&mut self, at: Duration, what: String, bound: usize) {
        if self.kept.len() == bound {
            self.kept.pop_front();
            self.dropped += 1;
        }
        self.kept.push_back((at, what));
    }
}

/// Prints the timeline when it is dropped by a panic, that is when its test fails.
#[derive(Debug)]
#[must_use = "it prints when it is dropped by a panic: give it a name"]
pub struct PrintOnFailure(Timeline);

impl Default for Timeline {
    fn default() -> Self {
        Self::new(None)
    }
}

impl Timeline {
    /// An empty timeline that begins now; the seed is printed, so that the run can be repeated.
    pub fn new(seed: Option<u64>) -> Self {
        Self(Arc::new(Book {
            begun: Instant::now(),
            seed,
            entries: Mutex::default(),
            of_tasks: Mutex::default(),
        }))
    }

    /// Notes that something has happened now.
    pub fn note(&self, what: impl fmt::Display) {
        let at = self.0.begun.elapsed();
        lock(&self.0.entries).push(at, what.to_string(), KEPT);
    }

    /// Notes what becomes of one task of perhaps many.
    pub(crate) fn note_task(&self, what: impl fmt::Display) {
        let at = self.0.begun.elapsed();
        lock(&self.0.of_tasks).push(at, what.to_string(), KEPT_OF_TASKS);
    }

    /// Notes what becomes of a task, until it ends. Outputs are left out.
    ///
    /// Needs a runtime; the watching ends with the task.
    pub fn follow(&self, task: &RunningTask) -> JoinHandle<()> {
        let (timeline, mut events) = (self.clone(), task.events());
        let name = format!("task {} on {}", task.id(), task.connection());
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                match event {
                    TaskEvent::Accepted => timeline.note_task(format_args!("{name}: accepted")),
                    TaskEvent::Running => timeline.note_task(format_args!("{name}: runs")),
                    TaskEvent::Ended(outcome) => {
                        timeline.note_task(format_args!("{name}: {}", outcome.status));
                    }
                    _ => {}
                }
            }
        })
    }

    /// Prints the timeline if the value is dropped by a panic.
    pub fn print_on_failure(&self) -> PrintOnFailure {
        PrintOnFailure(self.clone())
    }
}

fn lock(entries: &Mutex<Entries>) -> MutexGuard<'_, Entries> {
    entries.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for PrintOnFailure {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "a failed test is read on standard error")]
            {
                eprintln!("{}", self.0);
            }
        }
    }
}

impl fmt::Display for Timeline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.seed {
            Some(seed) => writeln!(f, "timeline (seed {seed} makes the same faults again):")?,
            None => writeln!(f, "timeline:")?,
        }
        let (entries, of_tasks) = (lock(&self.0.entries), lock(&self.0.of_tasks));
        let dropped = entries.dropped + of_tasks.dropped;
        if dropped > 0 {
            writeln!(f, "  ({dropped} earlier entries were dropped)")?;
        }
        let mut all: Vec<_> = entries.kept.iter().chain(&of_tasks.kept).collect();
        all.sort_by_key(|(at, _)| *at);
        for (at, what) in all {
            writeln!(f, "  {:>10.3} ms  {what}", at.as_secs_f64() * 1e3)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeline_names_its_seed_and_drops_the_oldest_beyond_its_bound() {
        let timeline = Timeline::new(Some(42));
        for number in 0..KEPT + 3 {
            timeline.note(format_args!("entry {number}"));
        }
        let printed = timeline.to_string();
        assert!(printed.starts_with("timeline (seed 42 "), "{printed}");
        assert!(printed.contains("(3 earlier entries were dropped)"));
        assert!(!printed.contains("entry 2\n") && printed.contains("entry 3\n"));
        assert_eq!(printed.lines().count(), KEPT + 2);
    }
}
