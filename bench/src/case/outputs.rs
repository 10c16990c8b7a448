//! `outputs`: log lines a second, one execution to one watcher of Control.

use crate::client::Plan;
use crate::report::{Better, Measured, Row, Target};

const LINES: Target = Target { goal: 0.3, floor: 0.2 };

pub(crate) fn rows(plan: &Plan) -> Vec<Row> {
    let lines = Measured {
        case: "outputs",
        metric: "log lines",
        unit: "lines/s",
        better: Better::Higher,
        placement: plan.placement,
    };
    vec![lines.not_built_yet(LINES)]
}
