//! `burst_1000`: a thousand tasks are started, then all of them joined.

use crate::Result;
use crate::client::Plan;
use crate::load::Side;
use crate::report::{Better, Measured, Row, Target};
use crate::rounds::flood;

const BIDI: Target = Target { goal: 0.85, floor: 0.70 };

pub(crate) async fn run(plan: &Plan) -> Result<Vec<Row>> {
    let [inline, bidi] = flood::alone(plan, [Side::Burst, Side::Bidi]).await?;
    let [plain, beside] = flood::alone(plan, [Side::BurstPlain, Side::Bidi]).await?;
    let rate = |metric| Measured {
        case: "burst_1000",
        metric,
        unit: "tasks/s",
        better: Better::Higher,
        placement: plan.placement,
    };
    Ok(vec![
        rate("rate").beside(&inline.rates, bidi.name, &bidi.rates, Some(BIDI)),
        rate("rate, plain function").beside(&plain.rates, beside.name, &beside.rates, None),
    ])
}
