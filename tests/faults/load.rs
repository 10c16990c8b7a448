//! Many tasks over one connection through a proxy, and the check that each was done exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use selsyn::{
    Connection, Failure, FunctionExecution, Master, Outcome, Payload, Slave, SlaveHandle,
};
use selsyn_testing::{FaultProxy, Plan, PrintOnFailure, Random, Timeline, expect};
use tokio::sync::{Mutex, MutexGuard};

/// Tasks that are done at least.
pub(crate) const TASKS: usize = 100_000;
/// Tasks that are done at most: more than a machine does while a plan is played.
const ROOM: usize = 2_000_000;
const IN_FLIGHT: usize = 1_000;
/// Largest data of a task, in bytes.
const DATA: u64 = 96;
/// What a test may take, alone: those of this file's kind wait for each other.
const LIMIT: Duration = Duration::from_secs(60);

/// Each load wants the machine for itself.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

/// What a connection is made with.
#[derive(Clone, Copy)]
pub(crate) struct Patience {
    pub(crate) tolerance: Duration,
    pub(crate) window: Duration,
}

/// A master and a slave with a proxy between them, over TCP.
pub(crate) struct Setting {
    pub(crate) proxy: FaultProxy,
    pub(crate) connection: Connection,
    ledger: Arc<Ledger>,
    master: Master,
    slave: SlaveHandle,
    timeline: Timeline,
    _print: PrintOnFailure,
    _alone: MutexGuard<'static, ()>,
}

/// What was seen of each task, by its number.
struct Ledger {
    runs: Vec<AtomicU8>,
    callbacks: Vec<AtomicU8>,
    /// Tasks whose data did not arrive as it was sent.
    broken: AtomicUsize,
}

impl Setting {
    pub(crate) async fn new(seed: u64, patience: Patience) -> Self {
        let _alone = ONE_AT_A_TIME.lock().await;
        let Patience { tolerance, window } = patience;
        let (timeline, ledger) = (Timeline::new(Some(seed)), Arc::new(Ledger::new()));
        let runs = Arc::clone(&ledger);
        let slave = Slave::builder()
            .function("run", move |_: FunctionExecution, data: Payload| {
                let answer = runs.ran(&data);
                async move { Ok::<_, Failure>(answer) }
            })
            .heartbeat_every(tolerance / 4)
            .heartbeat_tolerance(tolerance);
        let slave = slave.bind("127.0.0.1:0").await.unwrap().spawn();
        let proxy =
            FaultProxy::to_address_noting(slave.addr(), seed, "before the slave", timeline.clone());
        let master = Master::builder()
            .suspect_after(tolerance / 2)
            .heartbeat_tolerance(tolerance)
            .resume_window(Some(window))
            .greeting_timeout(tolerance)
            .start_deadline(LIMIT)
            .build()
            .unwrap();
        let address = proxy.listen().await.unwrap();
        let connection = master.connect("through the proxy", address).await.unwrap();
        let _print = timeline.print_on_failure();
        Self { proxy, connection, ledger, master, slave, timeline, _print, _alone }
    }

    /// Does tasks while the plan is played, at least as many as are asked for; then checks them.
    pub(crate) async fn survives(self, plan: &Plan, at_least: usize) {
        let begun = Instant::now();
        let (started, played) = (AtomicUsize::new(0), AtomicBool::new(false));
        let next = || {
            let task = started.fetch_add(1, Ordering::SeqCst);
            let goes_on = task < at_least || !played.load(Ordering::SeqCst);
            (goes_on && task < ROOM).then_some(task)
        };
        let tasks = stream::iter(std::iter::from_fn(next))
            .for_each_concurrent(IN_FLIGHT, |task| self.do_one(task));
        let plays = async {
            self.proxy.play(plan).await;
            played.store(true, Ordering::SeqCst);
        };
        let both = async { tokio::join!(tasks, plays) };
        let (took, done) =
            (tokio::time::timeout(LIMIT, both).await, started.load(Ordering::SeqCst));
        assert!(took.is_ok(), "after {LIMIT:?}, {done} tasks were started: {:?}", self.connection);
        self.timeline.note(format_args!("done after {:?}", begun.elapsed()));
        // The last one asked for was not done.
        self.ledger.check(done - 1);
        expect::soon("the master to close", self.master.close()).await;
        expect::soon("the slave to end", self.slave.shutdown()).await.unwrap();
    }

    async fn do_one(&self, task: usize) {
        let ledger = Arc::clone(&self.ledger);
        let (completed, failed) = (Arc::clone(&ledger), Arc::clone(&ledger));
        let data = Payload::bytes(content(task));
        let starting = self.connection.new_task(&data).unwrap().function("run");
        let running = starting
            .on_complete(move |_, _| completed.told(task))
            .on_fail(move |_, _| failed.told(task))
            .start()
            .await;
        let running = match running {
            Ok(running) => running,
            Err(error) => panic!("task {task} must start: {error}"),
        };
        check_outcome(task, &running.join().await);
    }
}

fn check_outcome(task: usize, outcome: &Outcome) {
    match outcome.value() {
        Some(value) => {
            assert!(
                *value == Payload::bytes(answer(content(task))),
                "task {task} has another's result"
            );
        }
        None => panic!(
            "task {task} must complete, and ended {}: {:?}",
            outcome.status,
            outcome.failure()
        ),
    }
}

/// Data that names its task and cannot be mistaken for another's.
fn content(task: usize) -> Vec<u8> {
    let mut random = Random::new(task as u64);
    let mut content = (task as u64).to_le_bytes().to_vec();
    let length = random.between(0..DATA);
    content.extend((0..length).map(|_| random.next_u64().to_le_bytes()[0]));
    content
}

/// What the function gives back: as long as its data, and other bytes.
fn answer(mut data: Vec<u8>) -> Vec<u8> {
    data.reverse();
    data
}

impl Ledger {
    fn new() -> Self {
        let counts = || (0..ROOM).map(|_| AtomicU8::new(0)).collect();
        Self { runs: counts(), callbacks: counts(), broken: AtomicUsize::new(0) }
    }

    /// The function: counts its run, and answers.
    fn ran(&self, data: &Payload) -> Payload {
        let bytes = data.as_bytes().to_vec();
        let number = bytes.first_chunk().map(|number| u64::from_le_bytes(*number));
        match number.and_then(|number| usize::try_from(number).ok()).filter(|task| *task < ROOM) {
            Some(task) if bytes == content(task) => {
                self.runs[task].fetch_add(1, Ordering::SeqCst);
            }
            _ => {
                self.broken.fetch_add(1, Ordering::SeqCst);
            }
        }
        Payload::bytes(answer(bytes))
    }

    fn told(&self, task: usize) {
        self.callbacks[task].fetch_add(1, Ordering::SeqCst);
    }

    /// Each of the first `tasks` ran once and called back once, and nothing else ran.
    fn check(&self, tasks: usize) {
        assert_eq!(self.broken.load(Ordering::SeqCst), 0, "data that arrived as it was not sent");
        for (what, counts) in [("runs", &self.runs), ("callbacks", &self.callbacks)] {
            let of = |task: usize| counts[task].load(Ordering::SeqCst);
            let wrong: Vec<_> =
                (0..ROOM).filter(|task| of(*task) != u8::from(*task < tasks)).collect();
            let first: Vec<_> = wrong.iter().take(5).map(|task| (*task, of(*task))).collect();
            assert!(
                wrong.is_empty(),
                "{} tasks of {tasks} have other {what} than one: {first:?}",
                wrong.len()
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_once_without_a_fault() {
    let patience = Patience { tolerance: Duration::from_secs(5), window: Duration::from_secs(30) };
    let setting = Setting::new(0, patience).await;
    let proxy = setting.proxy.clone();
    setting.survives(&Plan::new([]), TASKS / 5).await;
    assert_eq!(proxy.applied().total(), 0);
}
