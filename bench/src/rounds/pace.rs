//! Rounds of one task at a time: how long each takes.

use std::time::{Duration, Instant};

use super::{Contender as _, Effort, allowed};
use crate::Result;
use crate::client::Plan;
use crate::load::{Opened, Side};
use crate::process::Server;
use crate::progress::say;

/// What the rounds found about one side, in microseconds; nothing, when it could not run.
pub(crate) struct Paced {
    /// As it stands in the report.
    pub(crate) name: &'static str,
    /// The median of each round.
    pub(crate) p50: Vec<f64>,
    /// What one in a hundred is slower than, of each round.
    pub(crate) p99: Vec<f64>,
}

/// Tasks that make a connection warm.
const TRIAL: usize = 500;

/// As [`run`], on a server of their own, as [`flood`](super::flood) does.
pub(crate) async fn alone<const N: usize>(plan: &Plan, sides: [Side; N]) -> Result<[Paced; N]> {
    let server = Server::start(plan.placement).await?;
    run(&server, plan.effort(), sides).await
}

/// Runs the sides in turn, round after round, as [`flood`](super::flood) does.
pub(crate) async fn run<const N: usize>(
    server: &Server,
    effort: Effort,
    sides: [Side; N],
) -> Result<[Paced; N]> {
    let mut ready = Vec::new();
    for side in sides {
        ready.push(allowed(side, warmed(server, side).await)?);
    }
    let mut found = sides.map(|side| Paced { name: side.name(), p50: vec![], p99: vec![] });
    for round in 1..=effort.rounds {
        for ((side, ready), found) in sides.into_iter().zip(&mut ready).zip(&mut found) {
            let Some(opened) = &*ready else { continue };
            match allowed(side, times(opened, effort.side).await)? {
                Some(times) => found.take(&times),
                None => (*ready, found.p50, found.p99) = (None, vec![], vec![]),
            }
        }
        say(&line(round, effort.rounds, &found));
    }
    Ok(found)
}

async fn warmed(server: &Server, side: Side) -> Result<Opened> {
    let opened = side.open(&server.at).await?;
    for _ in 0..TRIAL {
        opened.one().await?;
    }
    Ok(opened)
}

/// The times of the tasks that fit into so long, shortest first.
pub(crate) async fn times(opened: &Opened, long: Duration) -> Result<Vec<Duration>> {
    let (mut times, mut left) = (Vec::new(), long);
    while !left.is_zero() {
        let begun = Instant::now();
        opened.one().await?;
        times.push(begun.elapsed());
        left = left.saturating_sub(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times)
}

/// What so many of a hundred are faster than, in microseconds.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e6)
}

impl Paced {
    fn take(&mut self, sorted: &[Duration]) {
        self.p50.push(percentile(sorted, 50));
        self.p99.push(percentile(sorted, 99));
    }
}

fn line(round: usize, rounds: usize, found: &[Paced]) -> String {
    let figures = found.iter().filter_map(|side| {
        let (p50, p99) = (side.p50.last()?, side.p99.last()?);
        Some(format!("{} {p50:.1}/{p99:.1} us", side.name))
    });
    format!("  round {round}/{rounds}: {}", figures.collect::<Vec<_>>().join(", "))
}
