//! `unread_1m`: an application that never looks at the events of its tasks.

use crate::Result;
use crate::client::Plan;
use crate::probe::{self, What};
use crate::report::{Better, Measured, Row, Target};

const LOSSES: Target = Target { goal: 0.0, floor: 0.0 };
/// What an allocator may take more when nothing is kept, in MiB for a million tasks.
const GROWN: Target = Target { goal: 64.0, floor: 64.0 };
const KEPT: Target = Target { goal: 0.8, floor: 0.8 };

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let tasks = if plan.quick { 150_000 } else { 1_000_000 };
    let found = probe::repeat(What::Unread, tasks, 1).await?;
    let row = |metric, unit, better| Measured {
        case: "unread_1m",
        metric,
        unit,
        better,
        placement: plan.placement,
    };
    Ok(vec![
        row("connections lost", "losses", Better::Lower).alone(&found.all("losses"), Some(LOSSES)),
        row("RSS grown, both", "MiB", Better::Lower).alone(&found.all("grown"), Some(GROWN)),
        row("another's rate", "tasks/s", Better::Higher).beside(
            &found.rounds("ignored"),
            "beside a reader",
            &found.rounds("read"),
            Some(KEPT),
        ),
    ])
}
