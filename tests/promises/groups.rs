//! A group of tasks ends as its policy says, names who failed first, and loses no verdict.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use selsyn::{
    Connection, Failure, Function, FunctionExecution, Group, GroupError, GroupOutcome, GroupTask,
    InvalidGroup, Payload, Ran, RunningGroup, TaskStatus, function,
};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, TestCluster, expect};
use serde_json::json;

/// Contact that is lost for longer ends a task.
const WINDOW: Duration = Duration::from_secs(1);

/// Waits for the gate of its slave or for the request to stop, then gives back its data.
fn work(gate: Gate) -> Function {
    function(move |execution: FunctionExecution, data: Payload| {
        let gate = gate.clone();
        async move {
            tokio::select! {
                () = gate.opened() => {}
                () = execution.cancelled() => {}
            }
            Ok::<_, Failure>(data)
        }
    })
}

/// So many slaves with the function `work`, each with a gate of its own.
async fn workers(count: usize) -> (TestCluster, Vec<Gate>) {
    let gates: Vec<_> = (0..count).map(|_| Gate::closed()).collect();
    let clones = gates.clone();
    let cluster = TestCluster::builder(count)
        .slaves(move |index, slave| slave.function("work", work(clones[index].clone())))
        .master(|master| {
            master.heartbeat_tolerance(WINDOW).suspect_after(WINDOW / 2).resume_window(Some(WINDOW))
        })
        .start()
        .await
        .unwrap();
    (cluster, gates)
}

fn group(cluster: &TestCluster) -> Group {
    Group::new(cluster.connections().iter().cloned()).unwrap()
}

fn work_of(cluster: &TestCluster) -> GroupTask {
    let number = |connection: &Connection| connection.name().to_owned();
    group(cluster).new_tasks(number).unwrap().function("work")
}

async fn joined(running: &RunningGroup) -> GroupOutcome {
    let outcome = expect::soon("the group to end", running.join()).await;
    assert!(running.tasks().iter().all(|task| task.outcome().is_some()), "a verdict is missing");
    outcome
}

fn statuses(outcome: &GroupOutcome) -> Vec<TaskStatus> {
    outcome.members.iter().map(|member| member.outcome.status).collect()
}

#[tokio::test]
async fn all_completes_when_all_have_and_gives_values_in_the_order_of_the_group() {
    let (cluster, gates) = workers(3).await;
    let running = work_of(&cluster).start().await;
    for gate in gates.iter().rev() {
        assert!(running.outcome().is_none());
        gate.open();
    }
    let values: Vec<String> = expect::soon("the values", running.success()).await.unwrap();
    assert_eq!(values, ["slave-0", "slave-1", "slave-2"]);
    let outcome = joined(&running).await;
    assert!(outcome.is_completed() && outcome.first_failure().is_none());
    assert_eq!(outcome.to_string(), "3 of 3 slaves completed; all 3 had to complete");
    cluster.stop().await;
}

#[tokio::test]
async fn the_first_failure_ends_all_and_the_rest_is_told_why() {
    let (cluster, _gates) = workers(3).await;
    let task = group(&cluster).new_task("out of data").unwrap().each(|task| {
        let does = if task.connection() == "slave-1" { "fail" } else { "work" };
        task.function(does)
    });
    let running = task.start().await;
    let outcome = joined(&running).await;
    assert_eq!(outcome.status, TaskStatus::Failed);
    let message = "1 of 3 slaves failed, first slave-1: FAILED, out of data; all 3 had to complete";
    assert_eq!(outcome.to_string(), message);
    let stopped = &outcome.members[0];
    assert_eq!((stopped.outcome.status, stopped.counts), (TaskStatus::Aborted, false));
    let why = "the group is decided: all 3 had to complete, and slave-1 did not";
    let failure = stopped.outcome.failure().unwrap();
    assert!(failure.message.ends_with(why), "{failure}");

    let error = expect::error(running.success::<String>().await);
    assert_eq!((error.to_string().as_str(), error.code()), (message, "E0507"));
    cluster.stop().await;
}

#[tokio::test]
async fn any_completes_with_the_first_value_and_cancels_the_rest() {
    let (cluster, gates) = workers(3).await;
    let running = work_of(&cluster).any().start().await;
    gates[1].open();
    let outcome = joined(&running).await;
    use TaskStatus::{Aborted, Completed};
    assert_eq!(statuses(&outcome), [Aborted, Completed, Aborted]);
    assert!(outcome.is_completed() && outcome.first_failure().is_none());
    let values: Vec<_> = outcome.values().map(|(name, value)| (name, value.to_string())).collect();
    assert_eq!(values, [("slave-1", r#""slave-1""#.to_owned())]);
    cluster.stop().await;
}

#[tokio::test]
async fn others_that_are_let_run_end_by_themselves_and_count() {
    let (cluster, gates) = workers(3).await;
    let running = work_of(&cluster).any().let_others_run().start().await;
    for gate in &gates {
        gate.open();
    }
    let outcome = joined(&running).await;
    assert_eq!(statuses(&outcome), [TaskStatus::Completed; 3]);
    assert_eq!(outcome.values().count(), 3);
    cluster.stop().await;
}

type Choose = fn(GroupTask) -> GroupTask;

/// Kills two of eight slaves at work, then lets the others complete.
async fn with_two_killed(policy: Choose) -> GroupOutcome {
    let (mut cluster, gates) = workers(8).await;
    let running = policy(work_of(&cluster)).let_others_run().start().await;
    for task in running.tasks() {
        expect::running(&task).await;
    }
    for killed in [3, 6] {
        drop(cluster.take_slave(killed));
        expect::ended_as(&running.tasks()[killed], TaskStatus::Lost).await;
    }
    assert!(running.outcome().is_none());
    gates.iter().for_each(Gate::open);
    let outcome = joined(&running).await;
    cluster.stop().await;
    outcome
}

#[tokio::test]
async fn each_policy_has_its_outcome_when_two_of_eight_slaves_are_killed() {
    let policies: [(Choose, bool, &str); 5] = [
        (GroupTask::all, false, "all 8 had to complete"),
        (GroupTask::any, true, "1 had to complete"),
        (|task| task.first(6).unwrap(), true, "6 had to complete"),
        (|task| task.first(7).unwrap(), false, "7 had to complete"),
        (GroupTask::quorum, true, "5, a majority, had to complete"),
    ];
    let outcomes = join_all(policies.map(|(policy, ..)| with_two_killed(policy))).await;
    for ((_, completes, demand), outcome) in policies.into_iter().zip(outcomes) {
        assert_eq!(outcome.is_completed(), completes, "{outcome}");
        let first = outcome.first_failure().unwrap();
        assert_eq!(
            (first.connection.as_str(), first.outcome.status),
            ("slave-3", TaskStatus::Lost)
        );
        assert_eq!(first.outcome.failure().unwrap().ran, Ran::Unknown);
        let said = outcome.to_string();
        assert!(said.starts_with("2 of 8 slaves failed, first slave-3: LOST, contact"), "{said}");
        assert!(said.ends_with(demand), "{said}");
        assert_eq!(outcome.values().count(), 6);
    }
}

#[tokio::test]
async fn losses_after_the_decision_are_failures_too() {
    let (mut cluster, gates) = workers(3).await;
    let running = work_of(&cluster).start().await;
    for task in running.tasks() {
        expect::running(&task).await;
    }
    drop(cluster.take_slave(1));
    drop(cluster.take_slave(2));
    gates[0].open();
    let outcome = joined(&running).await;
    assert_eq!(outcome.status, TaskStatus::Lost);
    assert!(outcome.to_string().starts_with("2 of 3 slaves failed"), "{outcome}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_start_that_fails_is_a_failure_of_its_member() {
    let cluster = TestCluster::builder(3)
        .slaves(|index, slave| match index {
            0 => slave,
            _ => slave.function("work", work(Gate::closed())),
        })
        .start()
        .await
        .unwrap();
    let running = work_of(&cluster).quorum().start().await;
    running.cancel("enough");
    let outcome = joined(&running).await;
    let first = outcome.first_failure().unwrap();
    let failure = first.outcome.failure().unwrap();
    assert_eq!((first.connection.as_str(), failure.ran), ("slave-0", Ran::No));
    assert_eq!(first.outcome.status, TaskStatus::StartFailed);
    assert_eq!(outcome.status, TaskStatus::Failed, "others did run");
    assert_eq!(running.tasks().len(), 2);
    cluster.stop().await;
}

#[tokio::test]
async fn a_cancelled_group_ends_aborted_when_every_member_has() {
    let (cluster, _gates) = workers(3).await;
    let running = work_of(&cluster).start().await;
    running.cancel("enough");
    let outcome = joined(&running).await;
    assert_eq!(outcome.status, TaskStatus::Aborted);
    assert_eq!(statuses(&outcome), [TaskStatus::Aborted; 3]);
    assert!(outcome.to_string().contains("enough"), "{outcome}");
    cluster.stop().await;
}

#[tokio::test]
async fn a_start_of_a_group_that_is_dropped_cancels_all_of_it() {
    let (cluster, _gates) = workers(2).await;
    let dial = std::future::pending::<std::io::Result<tokio::net::TcpStream>>;
    let away = cluster.master().connect_with("away", dial).attempts(u32::MAX).lazy().await.unwrap();
    let members = cluster.connections().iter().cloned().chain([away.clone()]);
    let task = Group::new(members).unwrap().new_task(1).unwrap().function("work");
    // Longer than the test: nothing else ends the start that waits.
    let task = task.start_deadline(expect::LIMIT * 2);
    let (slaves, waiting) = ([cluster.slave(0), cluster.slave(1)], away);
    let begun = async {
        let all = || slaves.iter().all(|slave| slave.running() == 1) && waiting.in_flight() == 1;
        expect::eventually("both to run and one to wait", all).await;
    };
    tokio::select! {
        _ = task.start() => panic!("one start is not answered"),
        () = begun => {}
    }
    let none = || slaves.iter().all(|slave| slave.running() == 0) && waiting.in_flight() == 0;
    expect::eventually("all to be stopped", none).await;
    cluster.stop().await;
}

#[tokio::test]
async fn callbacks_of_a_group_run_once_in_order_after_those_of_its_members() {
    let (cluster, gates) = workers(2).await;
    gates.iter().for_each(Gate::open);
    let steps = Arc::new(Mutex::new(Vec::new()));
    let say = |step: &'static str| {
        let steps = Arc::clone(&steps);
        move || steps.lock().unwrap().push(step)
    };
    let (member, first, third) = (say("member"), say("first"), say("third"));
    let failed = Counter::default();
    let fails = failed.clone();
    let running = work_of(&cluster)
        .each(move |task| {
            let member = member.clone();
            task.on_complete(move |_, _| member())
        })
        .on_complete(move |outcome| {
            assert_eq!(outcome.values().count(), 2);
            first();
        })
        .on_complete(|_| panic!("the second jams"))
        .on_complete_async(|_| async move { third() })
        .on_fail(move |_| {
            fails.count();
        })
        .start()
        .await;
    let outcome = joined(&running).await;
    assert_eq!(*steps.lock().unwrap(), ["member", "member", "first", "third"]);
    assert_eq!(outcome.callback_panics, ["the second jams"]);
    joined(&running).await;
    assert_eq!((steps.lock().unwrap().len(), failed.runs()), (4, 0));
    cluster.stop().await;
}

#[tokio::test]
async fn a_group_that_fails_tells_its_fail_callbacks() {
    let cluster = TestCluster::start(2).await.unwrap();
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let task = group(&cluster).new_task("no").unwrap().function("fail");
    let running = task
        .on_complete(|_| panic!("it did not complete"))
        .on_fail(move |outcome| told.send(outcome.to_string()).unwrap())
        .start()
        .await;
    assert!(joined(&running).await.callback_panics.is_empty());
    assert!(heard.recv().await.unwrap().contains("of 2 slaves failed"));
    assert_eq!(heard.recv().await, None, "and told nothing else");
    cluster.stop().await;
}

#[tokio::test]
async fn a_group_or_policy_that_makes_no_sense_is_refused_before_anything_is_sent() {
    let cluster = TestCluster::start(2).await.unwrap();
    assert_eq!(Group::new([]).unwrap_err(), InvalidGroup::Empty);
    let one = cluster.connection(0);
    let twice = Group::new([one.clone(), one.clone()]).unwrap_err();
    assert_eq!(twice.to_string(), "connection slave-0 is in the group twice");
    let unknown = cluster.master().group(["slave-0", "slave-9"]).unwrap_err();
    assert_eq!(
        (unknown.to_string().as_str(), unknown.code()),
        ("there is no connection named slave-9", "E0217")
    );
    let both = cluster.master().group(["slave-1", "slave-0"]).unwrap();
    for n in [0, 3] {
        let refused = both.new_task(json!({})).unwrap().first(n).unwrap_err();
        assert_eq!(refused, InvalidGroup::Needed { needed: n, members: 2 });
        assert_eq!(refused.code(), "E0403");
    }
    cluster.stop().await;
}

#[tokio::test]
async fn a_value_of_another_type_names_its_connection() {
    let cluster = TestCluster::start(2).await.unwrap();
    let data = |member: &Connection| match member.name() {
        "slave-1" => json!("one"),
        _ => json!(1),
    };
    let task = group(&cluster).new_tasks(data).unwrap().function("echo");
    let error = expect::error(task.start().await.success::<u32>().await);
    assert!(matches!(&error, GroupError::Unreadable { connection, .. } if connection == "slave-1"));
    assert_eq!(error.code(), "E0505");
    cluster.stop().await;
}
