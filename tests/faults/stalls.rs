//! A network that stalls one way, for less and for more than is tolerated, costs nothing and
//! doubles nothing.

use std::time::Duration;

use selsyn_testing::{FaultKind, Plan};

use crate::load::{Patience, Setting, TASKS};

const TOLERANCE: Duration = Duration::from_millis(300);
const PATIENCE: Patience = Patience { tolerance: TOLERANCE, window: Duration::from_secs(30) };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_under_twenty_stalls() {
    let seed = 0x5e15_0002;
    let setting = Setting::new(seed, PATIENCE).await;
    let proxy = setting.proxy.clone();
    let plan = Plan::stalls(seed, 20, TOLERANCE / 5..TOLERANCE * 2);
    let longer = plan.steps().iter().filter(|step| step.lasts > TOLERANCE).count();
    assert!(
        (5..=15).contains(&longer),
        "some are longer than is tolerated, some shorter: {longer}"
    );
    setting.survives(&plan, TASKS).await;
    assert_eq!(proxy.applied().of(FaultKind::Stall), 20, "{}", proxy.applied());
}
