//! What waits for a slot is told, moved and dropped by whoever may.

use std::sync::{Arc, Mutex};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use prost::Message;
use selsyn::{
    Control, ControlError, ExecutionId, Failure, FunctionExecution, Master, QueuePosition, Ran,
    RunningTask, Slave, TaskId, TaskStatus,
};
use selsyn_common::proto::{ListQueueReply, ListQueueRequest};
use selsyn_testing::{Gate, TestCluster, expect, functions};

use crate::control::unary;

/// A slave with one slot, which is held until the gate is open.
struct Held {
    cluster: TestCluster,
    control: Control,
    holder: RunningTask,
    gate: Gate,
    /// What has run, in order.
    noted: Arc<Mutex<Vec<u32>>>,
}

impl Held {
    async fn new() -> Self {
        let (gate, noted) = (Gate::closed(), Arc::new(Mutex::new(Vec::new())));
        let (wait, notes) = (functions::wait_for(gate.clone()), Arc::clone(&noted));
        let note = move |_: FunctionExecution, n: u32| {
            notes.lock().unwrap().push(n);
            async { Ok::<_, Failure>(()) }
        };
        let cluster = TestCluster::builder(1)
            .slaves(move |_, slave| {
                slave.slots(1).function("hold", wait.clone()).function("note", note.clone())
            })
            .start()
            .await
            .unwrap();
        let control = cluster.connection(0).executions();
        let holder = cluster.connection(0).new_task(()).unwrap().function("hold");
        let holder = holder.start().await.unwrap();
        Self { cluster, control, holder, gate, noted }
    }

    async fn note(&self, n: u32) -> RunningTask {
        self.cluster.connection(0).new_task(n).unwrap().function("note").start().await.unwrap()
    }

    async fn queue(&self) -> Vec<(ExecutionId, u32)> {
        let queue = self.control.queue().await.unwrap();
        assert!(queue.iter().all(|queued| !queued.blocking));
        queue.iter().map(|queued| (queued.execution.id, queued.position)).collect()
    }
}

fn in_line<const N: usize>(tasks: [&RunningTask; N]) -> Vec<(ExecutionId, u32)> {
    tasks.iter().map(|task| task.execution_id()).zip(0..).collect()
}

#[tokio::test]
async fn what_waits_runs_in_the_order_that_is_told_also_when_it_was_moved() {
    let held = Held::new().await;
    let [one, two, three] = [held.note(1).await, held.note(2).await, held.note(3).await];
    let four = held.control.start("note", 4).unwrap().await.unwrap().id();
    assert_eq!(held.queue().await[..3], in_line([&one, &two, &three]));
    assert_eq!(held.control.queue_length().await.unwrap(), 4);
    let (control, id) = (&held.control, RunningTask::execution_id);
    let moved = control.move_queued(four, QueuePosition::Front).await.unwrap();
    assert_eq!((moved.position, moved.execution.id), (0, four));
    let moved = control.move_queued(id(&one), QueuePosition::Back).await.unwrap();
    assert_eq!(moved.position, 3);
    let moved = control.move_queued(id(&three), 1).await.unwrap();
    assert_eq!(moved.position, 1);
    let told: Vec<_> = held.queue().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(told, [four, id(&three), id(&two), id(&one)]);
    held.gate.open();
    expect::completed(&one).await;
    assert_eq!(*held.noted.lock().unwrap(), [4, 3, 2, 1]);
    assert_eq!(held.queue().await, []);
    held.cluster.stop().await;
}

#[tokio::test]
async fn one_that_is_dropped_never_runs_and_whoever_waits_for_it_hears_so() {
    let held = Held::new().await;
    let (mine, other) = (held.note(1).await, held.note(2).await);
    let detached = held.control.start("note", 3).unwrap().await.unwrap().id();
    let waited = held.control.clone();
    let waiting =
        tokio::spawn(
            async move { waited.wait_for_completion(detached, Some(expect::LIMIT)).await },
        );
    // In the middle of the line, so that others stand before and behind it.
    held.control.drop_queued(other.execution_id()).await.unwrap();
    let dropped = held.control.drop_queued(detached).await.unwrap();
    assert_eq!((dropped.id, dropped.status), (detached, TaskStatus::Aborted));
    for outcome in [expect::ended(&other).await, waiting.await.unwrap().unwrap()] {
        let failure = outcome.failure().unwrap();
        assert_eq!((outcome.status, failure.ran), (TaskStatus::Aborted, Ran::No));
        assert!(failure.message.contains("dropped from the queue"), "{failure}");
    }
    assert_eq!(held.queue().await, in_line([&mine]));
    held.gate.open();
    expect::completed(&mine).await;
    assert_eq!(*held.noted.lock().unwrap(), [1]);
    held.cluster.stop().await;
}

#[tokio::test]
async fn what_does_not_wait_is_neither_moved_nor_dropped_and_goes_on() {
    let held = Held::new().await;
    let refused = async |id| {
        let moved = held.control.move_queued(id, 0).await.map(|_| ()).unwrap_err();
        let dropped: ControlError = held.control.drop_queued(id).await.map(|_| ()).unwrap_err();
        assert_eq!(moved.to_string(), dropped.to_string());
        assert_eq!(dropped.execution(), Some(id));
        dropped.code()
    };
    assert_eq!(refused(held.holder.execution_id()).await, "E0308");
    let never = ExecutionId::first(TaskId::from_random([9; 16]));
    assert_eq!(refused(never).await, "E0301");
    held.gate.open();
    expect::completed(&held.holder).await;
    let ended = held.control.start("note", 1).unwrap().await.unwrap().id();
    held.control.wait_for_completion(ended, Some(expect::LIMIT)).await.unwrap();
    assert_eq!(refused(ended).await, "E0303");
    held.cluster.stop().await;
}

#[tokio::test]
async fn a_generic_client_reads_what_waits_within_its_default_limit_and_the_first_turns_first() {
    /// Each with 1.3 KB to say of it: 4.5 MB, where other clients read 4 MiB.
    const MANY: usize = 3_500;
    /// What a reply has room for, one more, and what stands about each.
    const ROOM: usize = (2 << 20) + 16_000;
    let (gate, name) = (Gate::closed(), "\u{1f6f0}".repeat(128));
    let slave = Slave::builder().slots(1).queue(MANY + 1, 64 << 20);
    let slave = slave.function(&name, functions::wait_for(gate.clone()));
    let slave = slave.bind("127.0.0.1:0").await.unwrap().spawn();
    let control = Master::new().unwrap().control(slave.addr()).unwrap();
    let start = async |_| {
        let start = control.start(&name, 1).unwrap();
        (0..256).fold(start, |start, _| start.label("x")).await.map(drop)
    };
    // One of them has the slot.
    let starts = stream::iter(0..=MANY).map(start).buffer_unordered(32).try_collect::<()>();
    expect::soon("all starts", starts).await.unwrap();
    let request = ListQueueRequest { limit: 10_000 };
    let (path, address) = ("/selsyn.v1.Control/ListQueue", slave.addr().to_string());
    let reply = unary::<_, ListQueueReply>(address, path, request).await.unwrap();
    let bytes = reply.encoded_len();
    assert!(((2 << 20)..ROOM).contains(&bytes), "as much as there is room for: {bytes}");
    assert_eq!(reply.total, MANY as u64);
    let told = reply.waiting.iter().map(|waiting| waiting.position as usize);
    assert!(told.eq(0..reply.waiting.len()), "the first turns, in order");
    assert_eq!(control.queue().await.unwrap().len(), reply.waiting.len());
    assert_eq!(control.queue_length().await.unwrap(), MANY as u64);
    gate.open();
    slave.shutdown().await.unwrap();
}
