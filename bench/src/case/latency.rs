//! `latency_1`: one task at a time.

use crate::Result;
use crate::client::Plan;
use crate::load::Side;
use crate::report::{Better, Measured, Row, Target};
use crate::rounds::pace;

const BIDI: Target = Target { goal: 1.15, floor: 1.30 };
const UNARY: Target = Target { goal: 0.45, floor: 0.55 };
/// The slow ones have no floor of their own: their goal is it.
const P99: Target = Target { goal: 1.5, floor: 1.5 };

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let [inline, bidi, unary] = pace::alone(plan, [Side::Inline, Side::Bidi, Side::Unary]).await?;
    let [plain, beside] = pace::alone(plan, [Side::Plain, Side::Bidi]).await?;
    let time = |metric| Measured {
        case: "latency_1",
        metric,
        unit: "us",
        better: Better::Lower,
        placement: plan.placement,
    };
    Ok(vec![
        time("p50").beside(&inline.p50, bidi.name, &bidi.p50, Some(BIDI)),
        time("p50").beside(&inline.p50, unary.name, &unary.p50, Some(UNARY)),
        time("p99").beside(&inline.p99, bidi.name, &bidi.p99, Some(P99)),
        time("p50, plain function").beside(&plain.p50, beside.name, &beside.p50, None),
        time("p99, plain function").beside(&plain.p99, beside.name, &beside.p99, None),
    ])
}
