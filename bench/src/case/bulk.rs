//! `small_during_bulk`: small tasks on a connection that carries 64 MiB payloads meanwhile.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::Result;
use crate::client::Plan;
use crate::ours::{Bulk, Small};
use crate::process::Server;
use crate::progress::say;
use crate::report::{Better, Measured, Row, Target};
use crate::rounds::pace::percentile;
use crate::rounds::timed;

const MIB: usize = 1 << 20;
const BYTES: usize = 64 * MIB;
/// Milliseconds above what they take when nothing else runs.
const DELAY: Target = Target { goal: 2.0, floor: 5.0 };
const KEPT: Target = Target { goal: 0.8, floor: 0.7 };
/// Pause between two small tasks, so that they look and do not load.
const PAUSE: Duration = Duration::from_millis(2);

/// What the rounds found.
#[derive(Default)]
struct Found {
    solo: Vec<f64>,
    shared: Vec<f64>,
    idle: Vec<f64>,
    busy: Vec<f64>,
}

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let server = Server::start(plan.placement).await?;
    let bulk = Bulk::connect(server.at.slave, BYTES).await?;
    let small = Small::on(bulk.connection(), "inline");
    bulk.task().await?;
    let (rounds, payloads) = if plan.quick { (3, 10) } else { (5, 40) };
    let mut found = Found::default();
    for round in 1..=rounds {
        found.round(&bulk, &small, payloads).await?;
        say(&format!("  round {round}/{rounds}: {}", found.last()));
    }
    Ok(found.rows(plan))
}

impl Found {
    async fn round(&mut self, bulk: &Bulk, small: &Small, payloads: usize) -> Result<()> {
        let rate = |time: Duration| (payloads * BYTES / MIB) as f64 / time.as_secs_f64();
        let (alone, never) = watch::channel(false);
        let solo = timed(carry(bulk, payloads, &alone)).await?;
        drop(never);
        self.solo.push(rate(solo));
        let (stop, idle) = watch::channel(false);
        let (times, stopped) = futures_util::join!(look(small, idle), async {
            tokio::time::sleep(solo).await;
            stop.send(true)
        });
        stopped?;
        self.idle.push(percentile(&times?, 99) / 1e3);
        let (stop, busy) = watch::channel(false);
        let (times, shared) =
            futures_util::join!(look(small, busy), timed(carry(bulk, payloads, &stop)));
        self.busy.push(percentile(&times?, 99) / 1e3);
        self.shared.push(rate(shared?));
        Ok(())
    }

    fn last(&self) -> String {
        let last = |figures: &[f64]| figures.last().copied().unwrap_or(f64::NAN);
        format!(
            "bulk {:.0} MiB/s alone, {:.0} with small ones; p99 {:.2} ms idle, {:.2} ms during",
            last(&self.solo),
            last(&self.shared),
            last(&self.idle),
            last(&self.busy),
        )
    }

    fn rows(&self, plan: &Plan) -> Vec<Row> {
        let row = |metric, unit, better| {
            let case = "small_during_bulk";
            Measured { case, metric, unit, better, placement: plan.placement }
        };
        let above: Vec<f64> = self.busy.iter().zip(&self.idle).map(|(b, i)| b - i).collect();
        let late = row("p99 above idle p99", "ms", Better::Lower);
        let kept = row("bulk", "MiB/s", Better::Higher);
        vec![
            late.alone(&above, Some(DELAY)),
            kept.beside(&self.shared, "bulk alone", &self.solo, Some(KEPT)),
            row("p99", "ms", Better::Lower).beside(&self.busy, "idle", &self.idle, None),
        ]
    }
}

/// Carries so many payloads one after another, and says when it is done.
async fn carry(bulk: &Bulk, payloads: usize, done: &watch::Sender<bool>) -> Result<()> {
    for _ in 0..payloads {
        bulk.task().await?;
    }
    // Nobody listens when it runs alone.
    done.send_replace(true);
    Ok(())
}

/// How long small tasks take, now and then, until it is enough; shortest first.
async fn look(small: &Small, enough: watch::Receiver<bool>) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    while !*enough.borrow() {
        let begun = Instant::now();
        small.task().await?;
        times.push(begun.elapsed());
        tokio::time::sleep(PAUSE).await;
    }
    times.sort_unstable();
    Ok(times)
}
