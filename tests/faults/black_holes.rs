//! A network that swallows everything for a while costs nothing and doubles nothing.

use std::time::Duration;

use selsyn_testing::{FaultKind, Plan};

use crate::load::{Patience, Setting, TASKS};

const TOLERANCE: Duration = Duration::from_millis(300);
const PATIENCE: Patience = Patience { tolerance: TOLERANCE, window: Duration::from_secs(30) };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_under_black_holes() {
    let seed = 0x5e15_0003;
    let setting = Setting::new(seed, PATIENCE).await;
    let proxy = setting.proxy.clone();
    let plan = Plan::black_holes(seed, 12, TOLERANCE / 5..TOLERANCE * 5);
    let longer = plan.steps().iter().filter(|step| step.lasts > TOLERANCE).count();
    assert!(longer >= 5, "some are longer than is tolerated: {longer}");
    setting.survives(&plan, TASKS).await;
    assert_eq!(proxy.applied().of(FaultKind::BlackHole), 12, "{}", proxy.applied());
}
