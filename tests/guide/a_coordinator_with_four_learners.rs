use std::time::Duration;

use selsyn::{Connection, ConnectionState, Failure, FunctionExecution};
use selsyn_testing::{Node, TestCluster, expect};
use tokio::task::JoinSet;

/// What is tested: asks all learners for a step from these weights, waits two seconds for each to
/// take the task, and goes on with those that answered. Gives the mean, and how many there were.
async fn round(learners: &[Connection], weights: f64) -> (f64, usize) {
    let mut asked = JoinSet::new();
    for learner in learners {
        let task = learner.new_task(weights).expect("a number is JSON").function("step");
        let starting = task.start_deadline(Duration::from_secs(2)).start();
        asked.spawn(async move { starting.await.ok()?.success::<f64>().await.ok() });
    }
    let steps: Vec<f64> = asked.join_all().await.into_iter().flatten().collect();
    (steps.iter().sum::<f64>() / steps.len() as f64, steps.len())
}

/// Each learner has a goal of its own, and goes half of the way to it.
fn step(goal: f64) -> impl Fn(FunctionExecution, f64) -> std::future::Ready<Result<f64, Failure>> {
    move |_, weights| std::future::ready(Ok(weights + (goal - weights) / 2.0))
}

#[tokio::test(start_paused = true)]
async fn a_round_goes_on_without_a_learner_that_cannot_be_reached() {
    let cluster = TestCluster::builder(4)
        .over_proxies(7)
        .virtual_time()
        .slaves(|index, slave| slave.function("step", step(index as f64)))
        .start()
        .await
        .unwrap();
    let learners = cluster.connections();
    assert_eq!(round(learners, 0.0).await, (0.75, 4));

    cluster.partition(&[Node::Master], &[Node::Slave(3)]);
    assert_eq!(round(learners, 0.0).await, (0.5, 3));

    cluster.heal();
    for learner in learners {
        expect::state(learner, ConnectionState::Connected).await;
    }
    assert_eq!(round(learners, 0.0).await, (0.75, 4));
    cluster.stop().await;
}
