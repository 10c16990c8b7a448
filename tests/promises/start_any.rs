//! `start_any` finds a slave that takes the task, or says what each said.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use selsyn::{
    Connection, ErrorCode, Group, GroupTask, HookError, Master, OnStartError, Payload, Ran,
    Refusal, RunningTask, Slave, SlaveHandle, StartError, TaskStatus,
};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, PipeDialer, TestCluster, expect, functions, pipe};
use selsyn_tests::FakeSlave;
use tokio::task::JoinSet;
use tokio::time::Instant;

const SOON: Duration = Duration::from_millis(300);

/// Slaves with the function `wait`, so many slots each, and queues of one task.
async fn cluster(slots: &'static [usize], gate: &Gate) -> TestCluster {
    let gate = gate.clone();
    TestCluster::builder(slots.len())
        .slaves(move |index, slave| {
            let slave = slave.slots(slots[index]).queue(1, usize::MAX);
            slave.function("wait", functions::wait_for(gate.clone()))
        })
        .start()
        .await
        .unwrap()
}

fn wait_on(connections: &[Connection]) -> GroupTask {
    let group = Group::new(connections.iter().cloned()).unwrap();
    group.new_task(1).unwrap().function("wait")
}

async fn started(task: GroupTask) -> RunningTask {
    expect::soon("a slave to take it", task.start_any()).await.unwrap()
}

#[tokio::test]
async fn it_goes_to_the_slave_with_most_free_slots() {
    let gate = Gate::closed();
    let cluster = cluster(&[1, 3, 2], &gate).await;
    let mut taken = Vec::new();
    for _ in 0..6 {
        taken.push(started(wait_on(cluster.connections())).await);
    }
    let names: Vec<_> = taken.iter().map(RunningTask::connection).collect();
    assert_eq!(names, ["slave-1", "slave-1", "slave-2", "slave-0", "slave-1", "slave-2"]);
    assert!(cluster.connections().iter().all(|connection| connection.free_slots() == 0));
    gate.open();
    for task in taken {
        expect::completed(&task).await;
    }
    let free = || cluster.connections().iter().map(Connection::free_slots).sum::<usize>() == 6;
    expect::eventually("all slots to be free", free).await;
    cluster.stop().await;
}

#[tokio::test]
async fn a_slave_that_refuses_is_followed_by_the_next_under_another_id() {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let ids = Arc::clone(&asked);
    let cluster = TestCluster::builder(3)
        .slaves(move |index, slave| {
            let ids = Arc::clone(&ids);
            slave.slots(9 - index).before_task(move |request| {
                ids.lock().unwrap().push(request.execution.task);
                if index < 2 { Err(Refusal::new("not here")) } else { Ok(()) }
            })
        })
        .start()
        .await
        .unwrap();
    let heard = Counter::default();
    let hears = heard.clone();
    let group = Group::new(cluster.connections().iter().cloned()).unwrap();
    let task = group.new_task("x").unwrap().function("echo").each(move |task| {
        let hears = hears.clone();
        task.on_start_error(move |_, _| {
            hears.count();
            OnStartError::Propagate
        })
    });
    let running = started(task).await;
    assert_eq!(running.connection(), "slave-2");
    expect::completed(&running).await;
    let mut asked = asked.lock().unwrap().clone();
    assert_eq!(asked.last(), Some(&running.id()));
    asked.dedup();
    assert_eq!((asked.len(), heard.runs()), (3, 0), "three tries, and no error was told");
    cluster.stop().await;
}

#[tokio::test]
async fn when_all_are_full_it_asks_again_until_one_has_room() {
    let gate = Gate::closed();
    let cluster = cluster(&[1, 1], &gate).await;
    let mut taken = Vec::new();
    for _ in 0..4 {
        taken.push(started(wait_on(cluster.connections())).await);
    }
    let late = started(wait_on(cluster.connections()));
    tokio::pin!(late);
    tokio::select! {
        biased;
        _ = &mut late => panic!("every slot and every place in the queues is taken"),
        () = tokio::time::sleep(SOON) => gate.open(),
    }
    expect::completed(&late.await).await;
    for task in taken {
        expect::completed(&task).await;
    }
    cluster.stop().await;
}

#[tokio::test]
async fn it_waits_for_a_connection_to_come_up_and_skips_those_that_are_away() {
    let gate = Gate::closed();
    gate.open();
    let cluster = cluster(&[1], &gate).await;
    let (up, dial) = (Gate::closed(), cluster.dialer(0));
    let waits = up.clone();
    let connecting = cluster.master().connect_with("late", move || {
        let (waits, dial) = (waits.clone(), dial.clone());
        async move {
            waits.opened().await;
            dial.dial().await
        }
    });
    let late = connecting.lazy().await.unwrap();
    let both = [late.clone(), cluster.connection(0).clone()];
    let running = started(wait_on(&both)).await;
    assert_eq!(running.connection(), "slave-0", "the one that is away is skipped");
    expect::completed(&running).await;

    let waiting = started(wait_on(&both[..1]));
    tokio::pin!(waiting);
    tokio::select! {
        biased;
        _ = &mut waiting => panic!("nobody is up"),
        () = tokio::time::sleep(Duration::from_millis(20)) => up.open(),
    }
    let running = waiting.await;
    assert_eq!(running.connection(), "late");
    expect::completed(&running).await;
    cluster.stop().await;
}

#[tokio::test]
async fn when_none_ever_will_it_says_at_once_what_each_said() {
    let cluster = TestCluster::start(2).await.unwrap();
    cluster.connection(1).detach();
    expect::soon("the connection to close", cluster.connection(1).closed()).await;
    let began = Instant::now();
    let start = wait_on(cluster.connections()).start_any();
    let error = expect::error(expect::soon("the error", start).await);
    assert!(began.elapsed() < Duration::from_secs(5), "it waited for nothing");
    let StartError::NoSlaveTook { said, .. } = &error else { panic!("{error}") };
    let codes: Vec<_> = said.iter().map(StartError::error_code).collect();
    assert_eq!(codes, [ErrorCode::UnknownFunction, ErrorCode::ConnectionGone]);
    let message = error.to_string();
    assert!(message.starts_with("none of 2 slaves took the task within"), "{message}");
    assert!(message.contains("slave-0") && message.contains("slave-1"), "{message}");
    assert_eq!(
        (error.ran(), error.status(), error.code()),
        (Ran::No, TaskStatus::StartFailed, "E0119")
    );
    assert_eq!(error.data().to_string(), "1");
    cluster.stop().await;
}

#[tokio::test]
async fn the_start_deadline_ends_the_search() {
    let gate = Gate::closed();
    let cluster = cluster(&[1], &gate).await;
    let dial = std::future::pending::<std::io::Result<tokio::net::TcpStream>>;
    let away = cluster.master().connect_with("away", dial).attempts(u32::MAX).lazy().await.unwrap();
    let both = [cluster.connection(0).clone(), away];
    for _ in 0..2 {
        started(wait_on(&both)).await;
    }
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let task = wait_on(&both).start_deadline(SOON).each(move |task| {
        let hears = Arc::clone(&hears);
        task.on_start_error(move |_, error| {
            hears.lock().unwrap().push(error.to_string());
            OnStartError::Propagate
        })
    });
    let error = expect::error(expect::soon("the deadline", task.start_any()).await);
    let message = error.to_string();
    assert!(message.contains("slave slave-0 refused the task: queue is full"), "{message}");
    assert!(message.contains("slave away was not connected within"), "{message}");
    assert_eq!(*heard.lock().unwrap(), [message], "the hook is told of the last word only");
    gate.open();
    cluster.stop().await;
}

#[tokio::test]
async fn a_veto_of_ours_ends_the_search_and_nothing_is_sent() {
    let cluster = TestCluster::start(2).await.unwrap();
    let group = Group::new(cluster.connections().iter().cloned()).unwrap();
    let asked = Counter::default();
    let asks = asked.clone();
    let task = group.new_task(1).unwrap().each(move |task| {
        let asks = asks.clone();
        task.before_start(move |_: Payload| {
            asks.count();
            Err::<Payload, HookError>("not today".into())
        })
    });
    let error = expect::error(expect::soon("the veto", task.start_any()).await);
    assert!(matches!(error, StartError::Hook { .. }), "{error}");
    assert_eq!(asked.runs(), 1);
    cluster.stop().await;
}

#[tokio::test]
async fn a_start_whose_answer_is_unknown_is_never_tried_elsewhere() {
    let gate = Gate::closed();
    let cluster = cluster(&[1], &gate).await;
    let mut silent = FakeSlave::listen();
    let (connection, mut session) = silent.connect(cluster.master(), "silent").await;
    let both = [connection, cluster.connection(0).clone()];
    let starting = tokio::spawn(wait_on(&both).start_deadline(SOON).start_any());
    let asked = session.start().await;
    let error = expect::error(expect::soon("the deadline", starting).await.unwrap());
    let StartError::Unknown(running) = error else { panic!("{error}") };
    assert_eq!(asked.execution, Some(running.execution_id().into()));
    assert_eq!(cluster.connection(0).in_flight(), 0);
    // It answers no goodbye either.
    both[0].detach();
    cluster.stop().await;
}

/// A slave that is restarted under load: its dialer is swapped for that of its next life.
struct Restarting {
    dialer: Arc<Mutex<PipeDialer>>,
    slave: SlaveHandle,
}

fn life() -> (PipeDialer, SlaveHandle) {
    let (dialer, listener) = pipe();
    let slave = Slave::builder().slots(4).queue(2, usize::MAX).function("echo", functions::echo());
    (dialer, slave.incoming(listener).unwrap().spawn())
}

impl Restarting {
    fn start() -> Self {
        let (dialer, slave) = life();
        Self { dialer: Arc::new(Mutex::new(dialer)), slave }
    }

    async fn connect(&self, master: &Master, name: String) -> Connection {
        let current = Arc::clone(&self.dialer);
        let connecting = master.connect_with(name, move || {
            let dialer = current.lock().unwrap().clone();
            dialer.dial()
        });
        connecting.await.unwrap()
    }

    /// Drains the slave; its next life answers where it did.
    async fn restart(self, connection: &Connection) -> SlaveHandle {
        let (dialer, next) = life();
        // Dropping a dialer cuts what it dialled: the former life ends in good order first.
        let former = std::mem::replace(&mut *self.dialer.lock().unwrap(), dialer);
        expect::soon("the drain", self.slave.drain(expect::LIMIT)).await.unwrap();
        drop(former);
        let is_next = || connection.slave_id() == Some(next.id());
        expect::eventually("the next life to be connected", is_next).await;
        next
    }
}

/// Tasks between two restarts.
const STRETCH: usize = 1_000;

/// Runs one task after the other until it is told to stop.
async fn load(group: Group, (tries, done): (Counter, Counter), stop: Gate) {
    while !stop.is_open() {
        let (number, tries) = (done.runs(), tries.clone());
        let task = group.new_task(number).unwrap().start_deadline(expect::LIMIT);
        let task = task.each(move |task| {
            let tries = tries.clone();
            let count = move |data| {
                tries.count();
                Ok(data)
            };
            task.function("echo").before_start(count)
        });
        let running = task.start_any().await.unwrap();
        assert_eq!(running.success::<usize>().await.unwrap(), number);
        done.count();
    }
}

#[tokio::test]
async fn a_rolling_restart_under_load_fails_no_task() {
    let master = Master::new().unwrap();
    let (mut slaves, mut connections) = (Vec::new(), Vec::new());
    for number in 0..4 {
        let slave = Restarting::start();
        connections.push(slave.connect(&master, format!("slave-{number}")).await);
        slaves.push(slave);
    }
    let group = Group::new(connections.iter().cloned()).unwrap();
    let (tries, done, stop) = (Counter::default(), Counter::default(), Gate::closed());
    // More than there are slots and places in the queues: some are refused all the time.
    let mut loads = JoinSet::new();
    for _ in 0..32 {
        loads.spawn(load(group.clone(), (tries.clone(), done.clone()), stop.clone()));
    }
    let mut next_lives = Vec::new();
    for (slave, connection) in slaves.into_iter().zip(&connections) {
        let wanted = done.runs() + STRETCH;
        expect::eventually("a stretch of the load", || done.runs() >= wanted).await;
        next_lives.push(slave.restart(connection).await);
    }
    let wanted = done.runs() + STRETCH;
    expect::eventually("the last stretch", || done.runs() >= wanted).await;
    stop.open();
    // A task that failed is a load that panicked.
    expect::soon("the load to end", loads.join_all()).await;
    assert!(tries.runs() > done.runs(), "nobody was refused");
    master.close().await;
    for slave in next_lives {
        slave.shutdown().await.unwrap();
    }
}
