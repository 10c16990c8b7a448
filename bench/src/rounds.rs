//! Interleaved rounds: each side once, then each side again, so that the machine's moods hit all.

pub(crate) mod flood;
pub(crate) mod pace;
pub(crate) mod payloads;

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::Result;
use crate::process::Addresses;
use crate::progress::say;

/// How long a side of a round is, and how many rounds there are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) side: Duration,
}

impl Effort {
    pub(crate) const fn of(quick: bool) -> Self {
        let side = Duration::from_millis(if quick { 200 } else { 800 });
        Self { rounds: if quick { 5 } else { 7 }, side }
    }

    /// How many tasks fill a side, judged by a trial of `tasks` that took `time`.
    pub(crate) fn tasks(&self, tasks: usize, time: Duration) -> usize {
        let a_second = tasks as f64 / time.as_secs_f64();
        ((a_second * self.side.as_secs_f64()) as usize).max(tasks)
    }
}

/// Shares out tasks evenly among so many tokio tasks, and waits for all of them.
pub(crate) async fn share<F, Fut>(tasks: usize, among: usize, one: F) -> Result<()>
where
    F: Fn(usize) -> Fut,
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let (each, more) = (tasks / among, tasks % among);
    all((0..among).map(|n| one(each + usize::from(n < more)))).await
}

/// Runs each in a tokio task of its own, and waits for all of them.
pub(crate) async fn all<Fut>(work: impl Iterator<Item = Fut>) -> Result<()>
where
    Fut: Future<Output = Result<()>> + Send + 'static,
{
    let mut set: JoinSet<_> = work.collect();
    while let Some(ended) = set.join_next().await {
        ended??;
    }
    Ok(())
}

/// One of those that are measured in turn.
pub(crate) trait Contender: Copy {
    /// Its connection.
    type Opened;

    /// Tasks of a trial: enough that a rate can be guessed, and that everything is warm.
    const TRIAL: usize;

    /// As it stands in the report.
    fn name(self) -> &'static str;

    /// Whether it is us: then it must not fail.
    fn is_ours(self) -> bool;

    /// Connects.
    async fn open(self, at: &Addresses) -> Result<Self::Opened>;

    /// Runs so many tasks, as many in flight as the case is about.
    async fn run(opened: &Self::Opened, tasks: usize) -> Result<()>;
}

/// Lets a yardstick fail, and says so; when ours fails, so does the case.
pub(crate) fn allowed<T>(side: impl Contender, done: Result<T>) -> Result<Option<T>> {
    match done {
        Ok(done) => Ok(Some(done)),
        Err(error) if side.is_ours() => Err(error),
        Err(error) => {
            say(&format!("  the yardstick {} failed: {error}", side.name()));
            Ok(None)
        }
    }
}

/// Far longer than anything that is timed: a plain TCP echo whose buffers are all full has been
/// seen to stand still for minutes.
const STUCK: Duration = Duration::from_secs(60);

/// How long something took.
pub(crate) async fn timed(work: impl Future<Output = Result<()>>) -> Result<Duration> {
    let begun = Instant::now();
    let stuck = |_| format!("it stands still after {} s", STUCK.as_secs());
    tokio::time::timeout(STUCK, work).await.map_err(stuck)??;
    Ok(begun.elapsed())
}

/// The middle of some figures, and their least and greatest; none of nothing.
pub(crate) fn median(figures: &[f64]) -> Option<(f64, [f64; 2])> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.get(sorted.len() / 2)?;
    Some((*middle, [*sorted.first()?, *sorted.last()?]))
}
