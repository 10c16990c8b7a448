//! `tarpc_1000` and `tarpc_1`: beside the plainest RPC of the same language.

use crate::Result;
use crate::client::Plan;
use crate::load::Side;
use crate::report::{Better, Measured, Row, Target};
use crate::rounds::{flood, pace};

const RATE: Target = Target { goal: 4.0, floor: 3.0 };
const TIME: Target = Target { goal: 1.0, floor: 1.15 };

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let [inline, tarpc] = flood::alone(plan, [Side::Inline, Side::Tarpc]).await?;
    let [plain, beside] = flood::alone(plan, [Side::Plain, Side::Tarpc]).await?;
    let rate = |metric| Measured {
        case: "tarpc_1000",
        metric,
        unit: "tasks/s",
        better: Better::Higher,
        placement: plan.placement,
    };
    let mut rows = vec![
        rate("rate").beside(&inline.rates, tarpc.name, &tarpc.rates, Some(RATE)),
        rate("rate, plain function").beside(&plain.rates, beside.name, &beside.rates, None),
    ];
    let [inline, tarpc] = pace::alone(plan, [Side::Inline, Side::Tarpc]).await?;
    let [plain, beside] = pace::alone(plan, [Side::Plain, Side::Tarpc]).await?;
    let time =
        |metric| Measured { case: "tarpc_1", unit: "us", better: Better::Lower, ..rate(metric) };
    rows.extend([
        time("p50").beside(&inline.p50, tarpc.name, &tarpc.p50, Some(TIME)),
        time("p50, plain function").beside(&plain.p50, beside.name, &beside.p50, None),
    ]);
    Ok(rows)
}
