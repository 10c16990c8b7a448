//! A stream that is cut again and again costs nothing and doubles nothing.

use std::time::Duration;

use selsyn_testing::{FaultKind, Plan};

use crate::load::{Patience, Setting, TASKS};

/// Long enough for a busy machine; short enough to notice a stream of which one way is dead.
const PATIENCE: Patience =
    Patience { tolerance: Duration::from_secs(1), window: Duration::from_secs(30) };
/// Bytes after which the next cut comes, at most.
const WITHIN: u64 = 60_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_under_a_hundred_cuts() {
    let seed = 0x5e15_0001;
    let setting = Setting::new(seed, PATIENCE).await;
    let proxy = setting.proxy.clone();
    setting.survives(&Plan::cuts(seed, 100, WITHIN), TASKS).await;
    assert_eq!(proxy.applied().of(FaultKind::Cut), 100, "{}", proxy.applied());
}
