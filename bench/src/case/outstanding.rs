//! `outstanding_1m`: what a task costs in memory while it is outstanding.

use crate::Result;
use crate::client::Plan;
use crate::probe::{self, What};
use crate::report::{Better, Measured, Row, Target};

const MASTER: Target = Target { goal: 450.0, floor: 700.0 };
const SLAVE: Target = Target { goal: 300.0, floor: 450.0 };

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let (rounds, tasks) = if plan.quick { (1, 200_000) } else { (3, 1_000_000) };
    let found = probe::repeat(What::Outstanding, tasks, rounds).await?;
    let row = |metric, unit| {
        let (case, better) = ("outstanding_1m", Better::Lower);
        Measured { case, metric, unit, better, placement: plan.placement }
    };
    Ok(vec![
        row("RSS a task, master", "bytes").alone(&found.all("master"), Some(MASTER)),
        row("RSS a task, slave", "bytes").alone(&found.all("slave"), Some(SLAVE)),
        row("until all are accepted", "s").alone(&found.all("filled"), None),
        row("until all are joined", "s").alone(&found.all("joined"), None),
    ])
}
