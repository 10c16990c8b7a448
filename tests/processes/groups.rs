//! A group of eight processes, two of which are killed.

use std::time::Duration;

use selsyn::{Group, GroupOutcome, GroupTask, Master, Ran, TaskStatus};
use selsyn_testing::expect;

use super::killed;

const WINDOW: Duration = Duration::from_secs(1);

/// Starts the task on eight processes and kills two of them at work; the other six echo.
async fn with_two_killed(policy: impl FnOnce(GroupTask) -> GroupTask) -> GroupOutcome {
    let master =
        Master::builder().heartbeat_tolerance(WINDOW).resume_window(Some(WINDOW)).build().unwrap();
    let (mut processes, mut connections) = (Vec::new(), Vec::new());
    for number in 0..8 {
        let process = killed::start().await;
        connections.push(killed::connect(&process, &master, &format!("trainer-{number}")).await);
        processes.push(process);
    }
    let group = Group::new(connections).unwrap();
    let names = |task: selsyn::Task| match task.connection() {
        "trainer-3" | "trainer-5" => task.function("for_ever"),
        _ => task.function("echo"),
    };
    let task = policy(group.new_task(()).unwrap()).each(names).let_others_run();
    let running = task.start().await;
    for killed in [3, 5] {
        // By its name: a member that has not started yet is not among the tasks.
        let name = format!("trainer-{killed}");
        let find = || running.tasks().into_iter().find(|task| task.connection() == name);
        expect::eventually("the task to start", || find().is_some()).await;
        let task = find().unwrap();
        expect::running(&task).await;
        processes[killed].kill().await.unwrap();
        expect::ended_as(&task, TaskStatus::Lost).await;
    }
    let outcome = expect::soon("the group to end", running.join()).await;
    master.close().await;
    outcome
}

#[tokio::test]
async fn all_fails_and_names_the_process_that_was_killed_first() {
    let outcome = with_two_killed(GroupTask::all).await;
    assert_eq!(outcome.status, TaskStatus::Lost);
    let first = outcome.first_failure().unwrap();
    let failure = first.outcome.failure().unwrap();
    assert_eq!((first.connection.as_str(), failure.ran), ("trainer-3", Ran::Unknown));
    let said = outcome.to_string();
    assert!(said.starts_with("2 of 8 slaves failed, first trainer-3: LOST, contact"), "{said}");
    assert!(said.ends_with("; all 8 had to complete"), "{said}");
}

#[tokio::test]
async fn a_quorum_completes_without_the_two_that_were_killed() {
    let outcome = with_two_killed(GroupTask::quorum).await;
    assert_eq!(outcome.status, TaskStatus::Completed);
    assert_eq!(outcome.values().count(), 6);
    assert_eq!(outcome.first_failure().unwrap().connection, "trainer-3");
}
