//! A slave that is a master: time and stops go down to its children, failures come up with their
//! path.

use std::time::Duration;

use selsyn::{
    Connection, Context, ErrorCode, Failure, FailureKind, FunctionExecution, Group, Master,
    Payload, Ran, RunningTask, Slave, SlaveHandle, StartError, TaskStatus,
};
use selsyn_testing::{Gate, expect, functions, pipe};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::mpsc;

/// A slave with one function, and the connection of a master to it.
struct Node {
    slave: SlaveHandle,
    master: Master,
    connection: Connection,
}

impl Node {
    async fn start<M>(name: &str, function: impl selsyn::IntoFunction<M>) -> Self {
        let (dialer, listener) = pipe();
        let slave = Slave::builder().default_function(function).incoming(listener).unwrap();
        let slave = slave.spawn();
        let master = Master::new().unwrap();
        let connecting = master.connect_with(name, move || dialer.clone().dial());
        Self { slave, connection: connecting.await.unwrap(), master }
    }

    async fn run(&self, data: impl Serialize) -> RunningTask {
        self.connection.new_task(&data).unwrap().start().await.unwrap()
    }

    async fn stop(self) {
        self.master.close().await;
        self.slave.shutdown().await.unwrap();
    }
}

/// A connection that never comes up.
async fn away(master: &Master) -> Connection {
    let dial = std::future::pending::<std::io::Result<tokio::net::TcpStream>>;
    master.connect_with("away", dial).attempts(u32::MAX).lazy().await.unwrap()
}

/// A node whose function runs one task on another node, and gives back what that gave.
async fn above(name: &str, below: &Node) -> Node {
    let below = below.connection.clone();
    let pass_on = move |execution: FunctionExecution, data: Payload| {
        let below = below.clone();
        async move { child(&below, execution.context(), data).await }
    };
    Node::start(name, pass_on).await
}

async fn child(below: &Connection, parent: Context, data: Payload) -> Result<Payload, Failure> {
    let running = below.new_task(data)?.child_of(parent).start().await?;
    Ok(running.success().await?)
}

#[derive(Debug, Serialize, Deserialize)]
struct Told {
    parent: Option<String>,
    trace: String,
    left: Option<Duration>,
}

/// Tells what its execution knows of where it comes from.
async fn tell(execution: FunctionExecution, _: Payload) -> Result<Told, Failure> {
    let parent = execution.parent().map(|parent| parent.to_string());
    let trace = execution.trace_id().to_string();
    Ok(Told { parent, trace, left: execution.remaining() })
}

#[tokio::test]
async fn a_child_names_its_parent_and_the_root_of_its_tree() {
    let bottom = Node::start("bottom", tell).await;
    let middle = above("middle", &bottom).await;
    let top = above("top", &middle).await;

    let root = top.run(()).await;
    let told: Told = root.success().await.unwrap();
    assert_eq!(told.trace, root.id().to_string());
    assert!(told.parent.is_some_and(|parent| parent != told.trace));

    let child = middle.run(()).await;
    let told: Told = child.success().await.unwrap();
    assert_eq!(told.parent.as_ref(), Some(&told.trace), "its parent is the root");
    let alone: Told = bottom.run(()).await.success().await.unwrap();
    assert_eq!((alone.parent, alone.left), (None, None));
    for node in [top, middle, bottom] {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_child_has_no_more_time_than_its_parent_and_may_have_less() {
    const MINUTE: Duration = Duration::from_secs(60);
    let bottom = Node::start("bottom", tell).await;
    let below = bottom.connection.clone();
    let ask = move |execution: FunctionExecution, own: Duration| {
        let below = below.clone();
        async move {
            let task = below.new_task(())?.child_of(execution.context()).deadline(own);
            let told: Told = task.start().await?.success().await?;
            Ok::<_, Failure>(told.left)
        }
    };
    let top = Node::start("top", ask).await;
    let left = async |own: Duration| -> Duration {
        let task = top.connection.new_task(own).unwrap().deadline(MINUTE);
        let left: Option<Duration> = task.start().await.unwrap().success().await.unwrap();
        left.expect("a parent with a deadline has children with one")
    };
    // Rounded up to a millisecond at each hop.
    let slack = Duration::from_millis(2);
    assert!(left(MINUTE * 10).await <= MINUTE + slack);
    assert!(left(MINUTE / 10).await <= MINUTE / 10 + slack);
    top.stop().await;
    bottom.stop().await;
}

/// A node that tells why each of its runs was asked to stop, as its master words it.
async fn waiting() -> (Node, mpsc::UnboundedReceiver<RunningTask>, Node) {
    let bottom = Node::start("bottom", functions::wait_for_abort()).await;
    let below = bottom.connection.clone();
    let (told, children) = mpsc::unbounded_channel();
    let start_child = move |execution: FunctionExecution, joins: bool| {
        let (below, told) = (below.clone(), told.clone());
        async move {
            let task = below.new_task("half done")?.child_of(execution.context());
            let running = task.start().await?;
            expect::running(&running).await;
            told.send(running.clone())?;
            if joins {
                running.success::<String>().await?;
            }
            Ok::<_, Failure>(())
        }
    };
    (Node::start("top", start_child).await, children, bottom)
}

#[tokio::test]
async fn a_child_is_cancelled_with_its_parent_and_is_told_why() {
    let (top, mut children, bottom) = waiting().await;
    let parent = top.run(true).await;
    let child = expect::soon("the child to run", children.recv()).await.unwrap();
    parent.cancel("enough");
    let failure = expect::failure(&child, TaskStatus::Aborted).await;
    let why = format!("its parent {} (function process_task) was asked to stop", parent.id());
    assert!(failure.message.contains(&why) && failure.message.ends_with("enough"), "{failure}");

    let failure = expect::failure(&parent, TaskStatus::Aborted).await;
    assert!(failure.trace.iter().any(|line| line.starts_with("on bottom")), "{:?}", failure.trace);
    top.stop().await;
    bottom.stop().await;
}

#[tokio::test]
async fn a_child_that_its_parent_leaves_behind_is_cancelled() {
    let (top, mut children, bottom) = waiting().await;
    let parent = top.run(false).await;
    expect::completed(&parent).await;
    let child = expect::soon("the child to run", children.recv()).await.unwrap();
    let failure = expect::failure(&child, TaskStatus::Aborted).await;
    assert!(failure.message.ends_with("has ended"), "{failure}");
    top.stop().await;
    bottom.stop().await;
}

#[tokio::test]
async fn a_parent_that_is_drained_ends_after_its_children() {
    let (top, mut children, bottom) = waiting().await;
    let parent = top.run(true).await;
    let child = expect::soon("the child to run", children.recv()).await.unwrap();
    let (ended, mut order) = mpsc::unbounded_channel();
    let told = ended.clone();
    child.on_fail(move |_, _| told.send("child").unwrap());
    parent.clone().on_fail(move |_, _| ended.send("parent").unwrap());

    expect::soon("the drain", top.slave.drain(Duration::ZERO)).await.unwrap();
    expect::ended_as(&parent, TaskStatus::Aborted).await;
    assert_eq!(order.recv().await, Some("child"));
    assert_eq!(order.recv().await, Some("parent"));
    top.master.close().await;
    bottom.stop().await;
}

#[tokio::test]
async fn a_child_of_a_parent_that_was_asked_to_stop_is_never_sent() {
    let bottom = Node::start("bottom", functions::echo()).await;
    let below = bottom.connection.clone();
    let (told, mut errors) = mpsc::unbounded_channel();
    let late = move |execution: FunctionExecution, _: Payload| {
        let (below, told) = (below.clone(), told.clone());
        async move {
            execution.cancelled().await;
            let task = below.new_task(1)?.child_of(execution.context());
            told.send(expect::error(task.start().await))?;
            Ok::<_, Failure>(())
        }
    };
    let top = Node::start("top", late).await;
    let parent = top.run(()).await;
    expect::running(&parent).await;
    parent.cancel("enough");
    let error = expect::soon("the start to fail", errors.recv()).await.unwrap();
    assert!(matches!(error, StartError::Stopped { .. }), "{error}");
    assert_eq!((error.ran(), error.error_code()), (Ran::No, ErrorCode::StartStopped));
    top.stop().await;
    bottom.stop().await;
}

#[tokio::test]
async fn a_start_that_waits_for_its_slave_is_taken_back_when_its_parent_stops() {
    let master = Master::new().unwrap();
    let away = away(&master).await;
    let held = away.clone();
    let start = move |execution: FunctionExecution, data: Payload| {
        let away = held.clone();
        async move { child(&away, execution.context(), data).await }
    };
    let top = Node::start("top", start).await;
    let parent = top.run(()).await;
    expect::eventually("the child to wait", || away.in_flight() == 1).await;
    parent.cancel("enough");
    let failure = expect::failure(&parent, TaskStatus::Aborted).await;
    assert!(failure.message.ends_with("enough"), "{failure}");
    let line = failure.trace.iter().find(|line| line.starts_with("on away (task")).unwrap();
    assert!(line.ends_with("START_FAILED, the function did not run"), "{line}");
    assert_eq!(away.in_flight(), 0);
    top.stop().await;
}

#[tokio::test]
async fn a_search_for_a_slave_and_a_start_of_a_group_end_with_their_parent() {
    let master = Master::new().unwrap();
    let group = Group::new([away(&master).await]).unwrap();
    let (entered, mut searches) = mpsc::unbounded_channel();
    let search = move |execution: FunctionExecution, any: bool| {
        let (group, entered) = (group.clone(), entered.clone());
        async move {
            let task = group.new_task(1)?.child_of(execution.context());
            entered.send(())?;
            if any {
                task.start_any().await?;
            } else {
                task.start().await.success::<Payload>().await?;
            }
            Ok::<_, Failure>(())
        }
    };
    let top = Node::start("top", search).await;
    for any in [true, false] {
        let parent = top.run(any).await;
        expect::soon("the search", searches.recv()).await.unwrap();
        parent.cancel("enough");
        let failure = expect::failure(&parent, TaskStatus::Aborted).await;
        assert_eq!(failure.kind, FailureKind::Aborted, "it was not dropped at the grace");
    }
    top.stop().await;
}

#[tokio::test]
async fn a_parent_whose_child_is_dropped_at_its_grace_ends_aborted_all_the_same() {
    let (dialer, listener) = pipe();
    let deaf = functions::wait_for(Gate::closed());
    let slave = Slave::builder().default_function(deaf).abort_grace(Duration::from_millis(50));
    let slave = slave.incoming(listener).unwrap().spawn();
    let master = Master::new().unwrap();
    let connecting = master.connect_with("deaf", move || dialer.clone().dial());
    let bottom = Node { slave, connection: connecting.await.unwrap(), master };
    let top = above("top", &bottom).await;
    let parent = top.run(1).await;
    expect::eventually("the child to run", || bottom.slave.running() == 1).await;
    parent.cancel("enough");
    let failure = expect::failure(&parent, TaskStatus::Aborted).await;
    assert!(failure.trace.iter().any(|line| line.starts_with("on deaf")), "{:?}", failure.trace);
    top.stop().await;
    bottom.stop().await;
}

#[tokio::test]
async fn a_failure_comes_up_three_levels_with_its_kind_its_data_and_its_path() {
    let no_memory = |_: FunctionExecution, step: u32| async move {
        let data = json!({"step": step});
        Err::<(), _>(Failure::of(FailureKind::OutOfMemory, "no memory", Ran::Yes).with_data(data))
    };
    let bottom = Node::start("gpu-0", no_memory).await;
    let middle = above("learner-2", &bottom).await;
    let top = above("aggregator", &middle).await;

    let root = top.run(7).await;
    let error = expect::error(root.success::<()>().await);
    let said = format!("task {} on aggregator ended FAILED: no memory", root.id());
    assert_eq!(error.to_string(), said);
    let failure = error.failure().unwrap();
    assert_eq!((failure.kind, failure.ran), (FailureKind::OutOfMemory, Ran::Yes));
    assert_eq!(failure.data.as_ref().unwrap().to_string(), r#"{"step":7}"#);
    let [learner, gpu] = &failure.trace[..] else { panic!("{:?}", failure.trace) };
    assert!(learner.starts_with("on learner-2 (task …"), "{learner}");
    assert!(gpu.starts_with("on gpu-0 (task …"), "{gpu}");
    assert!(gpu.ends_with(", default function): FAILED"), "{gpu}");
    for node in [top, middle, bottom] {
        node.stop().await;
    }
}

#[tokio::test]
async fn the_deadline_of_a_parent_ends_the_whole_tree() {
    let bottom = Node::start("bottom", functions::wait_for_abort()).await;
    let middle = above("middle", &bottom).await;
    let top = above("top", &middle).await;
    let task = top.connection.new_task(1).unwrap().deadline(Duration::from_millis(300));
    let root = task.start().await.unwrap();
    expect::ended_as(&root, TaskStatus::TimedOut).await;
    for node in [&top, &middle, &bottom] {
        let slave = &node.slave;
        expect::eventually("nothing to run", || slave.running() == 0).await;
    }
    for node in [top, middle, bottom] {
        node.stop().await;
    }
}

#[tokio::test]
async fn a_group_of_children_fails_its_parent_with_the_path_of_the_first_failure() {
    let quick = Node::start("learner-0", |_: FunctionExecution, _: Payload| async {
        Err::<(), _>(Failure::new("no data").with_data(json!({"batch": 3})))
    });
    let (quick, slow) = (quick.await, Node::start("learner-1", functions::wait_for_abort()).await);
    let learners = [quick.connection.clone(), slow.connection.clone()];
    let all = Group::new(learners).unwrap();
    let learn = move |execution: FunctionExecution, data: Payload| {
        let all = all.clone();
        async move {
            let running = all.new_task(data)?.child_of(execution.context()).start().await;
            Ok::<_, Failure>(running.success::<Payload>().await?.len())
        }
    };
    let top = Node::start("aggregator", learn).await;
    let root = top.run(1).await;
    let failure = expect::failure(&root, TaskStatus::Failed).await;
    let said = "1 of 2 slaves failed, first learner-0: FAILED, no data; all 2 had to complete";
    assert_eq!(failure.message, said);
    assert_eq!(failure.data.unwrap().to_string(), r#"{"batch":3}"#);
    assert!(failure.trace[0].starts_with("on learner-0 (task …"), "{:?}", failure.trace);
    assert_eq!(slow.slave.running(), 0, "the rest was stopped before the parent ended");
    for node in [top, quick, slow] {
        node.stop().await;
    }
}
