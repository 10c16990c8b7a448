//! `throughput_1000` and `cpu_1000`: a thousand tasks in flight on one connection.

use crate::Result;
use crate::client::Plan;
use crate::load::Side;
use crate::report::{Better, Measured, Row, Target};
use crate::rounds::flood::{self, Flooded};

const BIDI: Target = Target { goal: 0.60, floor: 0.50 };
const UNARY: Target = Target { goal: 20.0, floor: 16.0 };
const CPU_BIDI: Target = Target { goal: 1.6, floor: 2.2 };
const CPU_UNARY: Target = Target { goal: 1.0 / 25.0, floor: 1.0 / 18.0 };

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let [inline, bidi, unary] = flood::alone(plan, [Side::Inline, Side::Bidi, Side::Unary]).await?;
    let [plain, beside] = flood::alone(plan, [Side::Plain, Side::Bidi]).await?;
    let rate = |metric| Measured {
        case: "throughput_1000",
        metric,
        unit: "tasks/s",
        better: Better::Higher,
        placement: plan.placement,
    };
    let cpu = |metric| Measured {
        case: "cpu_1000",
        metric,
        unit: "CPU us/task",
        better: Better::Lower,
        placement: plan.placement,
    };
    let rates = |ours: &Flooded, theirs: &Flooded, metric, target| {
        rate(metric).beside(&ours.rates, theirs.name, &theirs.rates, target)
    };
    let cpus = |ours: &Flooded, theirs: &Flooded, metric, target| {
        cpu(metric).beside(&ours.cpu, theirs.name, &theirs.cpu, target)
    };
    Ok(vec![
        rates(&inline, &bidi, "rate", Some(BIDI)),
        rates(&inline, &unary, "rate", Some(UNARY)),
        rates(&plain, &beside, "rate, plain function", None),
        cpus(&inline, &bidi, "cpu", Some(CPU_BIDI)),
        cpus(&inline, &unary, "cpu", Some(CPU_UNARY)),
        cpus(&plain, &beside, "cpu, plain function", None),
    ])
}
