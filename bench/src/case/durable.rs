//! `durable_1000` and `durable_1`: tasks whose journal is on disk. Their yardstick is there before
//! they are.

use crate::Result;
use crate::client::Plan;
use crate::progress::say;
use crate::report::{Better, Measured, Row, Target};
use crate::rounds::pace::percentile;
use crate::yardstick::sqlite::Sqlite;

const RATE: Target = Target { goal: 0.6, floor: 0.3 };
const TIME: Target = Target { goal: 1.3, floor: 1.6 };

/// Records of a commit that many tasks share.
const BATCH: usize = 256;

/// What the rounds found.
#[derive(Default)]
struct Commits {
    /// Records a second.
    rates: Vec<f64>,
    /// Microseconds of a commit of one record.
    times: Vec<f64>,
}

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let commits = commits(plan).unwrap_or_else(|error| {
        say(&format!("  the yardstick SQLite failed: {error}"));
        Commits::default()
    });
    let rate = |metric| Measured {
        case: "durable_1000",
        metric,
        unit: "tasks/s",
        better: Better::Higher,
        placement: plan.placement,
    };
    let time =
        |metric| Measured { case: "durable_1", unit: "us", better: Better::Lower, ..rate(metric) };
    Ok(vec![
        rate("rate").not_built_yet(RATE),
        rate("records, half").theirs("SQLite FULL, 256", &commits.rates),
        time("p50").not_built_yet(TIME),
        time("two commits, p50").theirs("SQLite FULL, 1", &commits.times),
    ])
}

/// A durable task needs two records: half the rate, and twice the time.
fn commits(plan: &Plan) -> Result<Commits> {
    let (effort, mut sqlite) = (plan.effort(), Sqlite::open()?);
    let mut found = Commits::default();
    for _ in 0..effort.rounds {
        let many = sqlite.commits(BATCH, effort.side)?;
        let seconds: f64 = many.iter().map(std::time::Duration::as_secs_f64).sum();
        found.rates.push((many.len() * BATCH) as f64 / seconds / 2.0);
        found.times.push(2.0 * percentile(&sqlite.commits(1, effort.side)?, 50));
    }
    Ok(found)
}
