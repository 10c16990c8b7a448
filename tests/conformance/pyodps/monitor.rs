//! D-17, D-18: who looks at a wait.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selsyn::{ControlError, WaitLook, WaitMonitor};
use selsyn_testing::{Gate, expect};

use super::instances;
use super::parts::staged;

const OFTEN: Duration = Duration::from_millis(20);

#[tokio::test]
async fn d_17_a_monitor_that_fails_does_not_affect_the_wait() {
    let gate = Gate::closed();
    let (cluster, control) = instances(&gate).await;
    let id = control.start("wait", 5).unwrap().await.unwrap().id();
    let looks = Arc::new(AtomicUsize::new(0));
    let (looked, dialer, opens) = (Arc::clone(&looks), cluster.dialer(0), gate.clone());
    let monitor = WaitMonitor::new().every(OFTEN, move |_| {
        match looked.fetch_add(1, Ordering::Relaxed) {
            // The way on which looks are asked for breaks; whoever is told panics anyhow.
            0 => dialer.cut(),
            1 => {}
            _ => opens.open(),
        }
        panic!("nobody looks");
    });
    let wait = control.with_monitor(&monitor);
    let value: i32 = wait.wait_for_success(id, Some(expect::LIMIT)).await.unwrap();
    assert_eq!((value, looks.load(Ordering::Relaxed) >= 3), (5, true));
    cluster.stop().await;
}

#[tokio::test]
async fn d_18_a_monitor_prints_the_id_and_the_stages_while_it_waits() {
    let gate = Gate::closed();
    let (cluster, control) = staged(&gate).await;
    let id = control.start("staged", ()).unwrap().await.unwrap().id();
    let printed = Arc::new(Mutex::new(Vec::new()));
    let (lines, opens) = (Arc::clone(&printed), gate.clone());
    let monitor = WaitMonitor::new().every(Duration::from_millis(100), move |look: &WaitLook| {
        assert!(look.elapsed >= Duration::from_millis(100));
        lines.lock().unwrap().extend(look.lines());
        if lines.lock().unwrap().iter().any(|line| line.contains("M1_Stg1_job0:1/0/1[50%]")) {
            opens.open();
        }
    });
    let wait = control.with_monitor(&monitor);
    wait.wait_for_success::<()>(id, Some(expect::LIMIT)).await.unwrap();
    let printed = printed.lock().unwrap().clone();
    assert!(printed.iter().any(|line| line.contains(&id.to_string())), "{printed:?}");
    assert!(printed.iter().any(|line| line.starts_with("sql: ") && line.ends_with("%]\t")));
    assert!(monitor.time_start().is_some() && monitor.limit() == Some(expect::LIMIT));
    cluster.stop().await;
}

#[tokio::test]
async fn a_wait_that_its_monitor_cancels_leaves_what_it_waits_for_alone() {
    let gate = Gate::closed();
    let (cluster, control) = instances(&gate).await;
    let id = control.start("wait", 5).unwrap().await.unwrap().id();
    let monitor = WaitMonitor::new();
    monitor.cancel();
    let wait = control.with_monitor(&monitor);
    for error in [
        wait.wait_for_completion(id, None).await.unwrap_err(),
        wait.wait_for_success::<i32>(id, None).await.unwrap_err(),
        wait.wait_for_all([id], None).await.unwrap_err(),
        wait.wait_for_any([id], None).await.unwrap_err(),
    ] {
        assert!(matches!(error, ControlError::WaitCancelled { .. }), "{error}");
    }
    assert!(!control.get(id).await.unwrap().is_ended());
    gate.open();
    cluster.stop().await;
}
