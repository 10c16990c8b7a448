//! `slaves_10k`: what a connection costs when one master has ten thousand.

use crate::Result;
use crate::client::Plan;
use crate::probe::{self, What};
use crate::progress::say;
use crate::report::{Better, Measured, Row, Target};

const MEMORY: Target = Target { goal: 1.3, floor: 1.6 };
const TIME: Target = Target { goal: 1.5, floor: 1.6 };
const IDLE: Target = Target { goal: 1.3, floor: 1.6 };

/// Metric, unit, its name among the probe's figures, and what is demanded.
const METRICS: [(&str, &str, &str, Target); 5] = [
    ("RSS a connection, master", "KiB", "client", MEMORY),
    ("RSS a connection, slave", "KiB", "server", MEMORY),
    ("all connected, first task", "s", "connect", TIME),
    ("a task on each", "s", "round", TIME),
    ("idle CPU", "CPU s/s", "idle", IDLE),
];

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let (rounds, count) = if plan.quick { (1, 2_000) } else { (3, 10_000) };
    let (mut ours, mut theirs) = (probe::Found::default(), probe::Found::default());
    let mut has_failed = false;
    for _ in 0..rounds {
        ours.extend(probe::repeat(What::Slaves, count, 1).await?);
        match probe::repeat(What::Streams, count, 1).await {
            Ok(found) => theirs.extend(found),
            Err(error) => {
                has_failed = true;
                say(&format!("  the yardstick streams failed: {error}"));
            }
        }
    }
    if has_failed {
        // Rounds that do not belong together give no ratio.
        theirs = probe::Found::default();
    }
    let row = |(metric, unit, name, target)| {
        let (case, better) = ("slaves_10k", Better::Lower);
        let measured = Measured { case, metric, unit, better, placement: plan.placement };
        measured.beside(&ours.all(name), "raw streams", &theirs.all(name), Some(target))
    };
    Ok(METRICS.map(row).into())
}
