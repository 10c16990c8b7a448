//! `payload_64m` and `payload_1m`: large payloads there and back, one after another.

use crate::Result;
use crate::client::Plan;
use crate::process::Server;
use crate::report::{Better, Measured, Row, Target};
use crate::rounds::flood::{self, Flooded};
use crate::rounds::payloads::{Carrier, Way};

const MIB: usize = 1 << 20;
const UNARY: Target = Target { goal: 2.5, floor: 2.0 };
const TCP: Target = Target { goal: 0.8, floor: 0.65 };
const TUNED: Target = Target { goal: 0.9, floor: 0.75 };

pub(crate) async fn large(plan: &Plan) -> Result<Vec<Row>> {
    let sides = [Way::Ours, Way::Unary, Way::Tcp];
    let [ours, unary, tcp] = rounds(plan, 64, sides).await?;
    let rate = rate(plan, "payload_64m");
    Ok(vec![
        rate.beside(&ours.rates, unary.name, &unary.rates, Some(UNARY)),
        rate.beside(&ours.rates, tcp.name, &tcp.rates, Some(TCP)),
    ])
}

pub(crate) async fn middling(plan: &Plan) -> Result<Vec<Row>> {
    let sides = [Way::Ours, Way::TunedUnary, Way::Tcp];
    let [ours, tuned, tcp] = rounds(plan, 1, sides).await?;
    let rate = rate(plan, "payload_1m");
    Ok(vec![
        rate.beside(&ours.rates, tuned.name, &tuned.rates, Some(TUNED)),
        rate.beside(&ours.rates, tcp.name, &tcp.rates, None),
    ])
}

/// Rounds of payloads of so many mebibytes; rates in mebibytes a second.
async fn rounds<const N: usize>(plan: &Plan, mib: usize, ways: [Way; N]) -> Result<[Flooded; N]> {
    let server = Server::start(plan.placement).await?;
    let carriers = ways.map(|way| Carrier { way, bytes: mib * MIB });
    let mut found = flood::run(&server, plan.effort(), carriers).await?;
    for side in &mut found {
        side.rates.iter_mut().for_each(|rate| *rate *= mib as f64);
    }
    Ok(found)
}

const fn rate<'a>(plan: &Plan, case: &'a str) -> Measured<'a> {
    let better = Better::Higher;
    Measured { case, metric: "there and back", unit: "MiB/s", better, placement: plan.placement }
}
