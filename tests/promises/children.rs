//! What an execution starts on other slaves is found there by its parent's id.

use std::sync::{Arc, OnceLock};

use selsyn::{Control, ExecutionId, ExecutionInfo, Failure, FunctionExecution, Master, Phase};
use selsyn_testing::{Gate, PipeDialer, TestCluster, expect, functions};
use serde_json::json;

/// The way to the other slave, once there is one.
type Way = Arc<OnceLock<PipeDialer>>;

/// Is a master itself: starts so many tasks on the other slave, and waits for them.
async fn spread(execution: FunctionExecution, count: u32, way: Way) -> Result<u32, Failure> {
    let master = Master::new()?;
    let dialer = way.get().ok_or("the cluster has started")?.clone();
    let other = master.connect_with("other", move || dialer.clone().dial()).await?;
    let mut children = Vec::new();
    for n in 0..count {
        let child = other.new_task(n)?.function("wait").child_of(execution.context());
        children.push(child.start().await?);
    }
    let mut sum = 0;
    for child in children {
        sum += child.success::<u32>().await?;
    }
    master.close().await;
    Ok(sum)
}

/// Starts an execution on the other slave that nobody waits for, and ends.
async fn leave(execution: FunctionExecution, way: Way) -> Result<(), Failure> {
    let master = Master::new()?;
    let dialer = way.get().ok_or("the cluster has started")?.clone();
    let other = master.connect_with("other", move || dialer.clone().dial()).await?;
    other.executions().start("wait", 7)?.child_of(execution.context()).await?;
    master.close().await;
    Ok(())
}

/// Two slaves; `spread` and `leave` on either start `wait` on the second.
async fn two(gate: &Gate) -> TestCluster {
    let (wait, way) = (functions::wait_for(gate.clone()), Way::default());
    let [to_spread, to_leave] = [0, 1].map(|_| Arc::clone(&way));
    let spread = move |execution: FunctionExecution, count: u32| {
        spread(execution, count, Arc::clone(&to_spread))
    };
    let leave = move |execution: FunctionExecution, ()| leave(execution, Arc::clone(&to_leave));
    let slaves = TestCluster::builder(2).slaves(move |_, slave| {
        let slave = slave.function("wait", wait.clone()).function("spread", spread.clone());
        slave.function("leave", leave.clone())
    });
    let cluster = slaves.start().await.unwrap();
    way.set(cluster.dialer(1)).ok().unwrap();
    cluster
}

async fn children(control: &Control, parent: ExecutionId) -> Vec<ExecutionInfo> {
    control.list().children_of(parent).await.unwrap()
}

#[tokio::test]
async fn a_slave_lists_the_children_that_executions_elsewhere_have_started_on_it() {
    let gate = Gate::closed();
    let cluster = two(&gate).await;
    let [here, there] = [0, 1].map(|at| cluster.connection(at).executions());
    let one = here.start("spread", 3).unwrap().await.unwrap().id();
    let two = here.start("spread", 1).unwrap().await.unwrap().id();
    // Somebody's, and nobody's child.
    there.start("wait", json!(0)).unwrap().await.unwrap();
    let started = async { while there.list().status(Phase::Running).await.unwrap().len() < 5 {} };
    expect::soon("three children, one and a stranger", started).await;

    let found = children(&there, one).await;
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|child| child.parent == Some(one) && child.function == "wait"));
    assert_eq!(children(&there, two).await.len(), 1);
    assert!(children(&here, one).await.is_empty(), "they run elsewhere");
    assert!(children(&there, found[0].id).await.is_empty(), "a child has none of its own");
    // All filters must hold.
    let others = there.list().children_of(one).function("spread");
    assert!(others.await.unwrap().is_empty());
    gate.open();
    let sum: u32 = here.wait_for_success(one, Some(expect::LIMIT)).await.unwrap();
    assert_eq!(sum, 3);
    here.wait_for_completion(two, Some(expect::LIMIT)).await.unwrap();
    cluster.stop().await;
}

#[tokio::test]
async fn a_detached_child_is_listed_with_its_parent_and_outlives_it() {
    let gate = Gate::closed();
    let cluster = two(&gate).await;
    let [here, there] = [0, 1].map(|at| cluster.connection(at).executions());
    let parent = here.start("leave", ()).unwrap().deadline(expect::LIMIT).await.unwrap();
    let () = parent.success(Some(expect::LIMIT)).await.unwrap();
    let found = children(&there, parent.id()).await;
    let [child] = &found[..] else { panic!("{found:?}") };
    assert_eq!(child.parent, Some(parent.id()));
    assert!(!child.is_ended(), "its parent is over, and it goes on");
    gate.open();
    let seven: u32 = there.wait_for_success(child.id, Some(expect::LIMIT)).await.unwrap();
    assert_eq!(seven, 7);
    cluster.stop().await;
}
