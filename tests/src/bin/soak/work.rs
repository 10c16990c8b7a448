//! The mixed work of a soak, and the check of its results.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selsyn::{Connection, Master, Outcome, Payload, RunningTask, StartError, Task, TaskStatus};
use selsyn_testing::Random;
use tokio::time::{Instant, sleep};

use crate::Result;

/// A task whose slave is away is started when it is back, or given up.
const START_DEADLINE: Duration = Duration::from_secs(5);

tokio::task_local! {
    /// Which worker this is: its seed.
    static WORKER: u64;
}

pub(crate) struct Work {
    master: Master,
    connection: Connection,
    address: String,
    counts: Mutex<BTreeMap<String, u64>>,
    connections: AtomicU64,
    started: AtomicU64,
    told: Arc<AtomicU64>,
    /// What each worker is at, for the case that one hangs.
    at: Mutex<BTreeMap<u64, String>>,
}

impl Work {
    pub(crate) fn new(master: Master, connection: Connection, address: String) -> Self {
        let (counts, connections, started) = Default::default();
        Self {
            master,
            connection,
            address,
            counts,
            connections,
            started,
            told: Arc::default(),
            at: Mutex::default(),
        }
    }

    /// One worker: one thing after the other.
    pub(crate) async fn run(self: Arc<Self>, until: Instant, seed: u64) -> Result<()> {
        let mut random = Random::new(seed);
        let works = async {
            while Instant::now() < until {
                self.one(&mut random).await?;
            }
            Ok(())
        };
        let done = WORKER.scope(seed, works).await;
        self.held_up().remove(&seed);
        done
    }

    /// What the workers that have not come to an end are at.
    pub(crate) fn unfinished(&self) -> Vec<String> {
        self.held_up().values().cloned().collect()
    }

    fn at(&self, what: String) {
        self.held_up().insert(WORKER.get(), what);
    }

    fn held_up(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was done, by its end.
    pub(crate) fn counts(&self) -> String {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let all: Vec<_> = counts.iter().map(|(what, count)| format!("{count} {what}")).collect();
        all.join(", ")
    }

    /// Every task that was started, and has ended by now, has called back once.
    pub(crate) fn check_callbacks(&self) -> Result<()> {
        let counts = [&self.started, &self.told].map(|count| count.load(Ordering::SeqCst));
        match counts {
            [started, told] if started == told => Ok(()),
            [started, told] => Err(format!("{started} tasks called back {told} times").into()),
        }
    }

    async fn one(&self, random: &mut Random) -> Result<()> {
        match random.between(0..2_000) {
            0 => self.echo(random, 1 << 20..4 << 20).await,
            1..100 => self.echo(random, 10_000..300_000).await,
            100..150 => self.cancel(random).await,
            150..200 => self.deadline(random).await,
            200..250 => self.refused().await,
            250..300 => self.fails().await,
            300..330 => self.flood(random).await,
            330..340 => self.connects().await,
            _ => self.echo(random, 0..2_000).await,
        }
    }

    async fn echo(&self, random: &mut Random, bytes: std::ops::Range<u64>) -> Result<()> {
        let data = content(random, bytes);
        let Some(running) = self.start(self.connection.new_task(&data)?, "echo").await else {
            return Ok(());
        };
        let outcome = running.join().await;
        match outcome.value() {
            Some(value) if *value != data => Err("an echo came back changed".into()),
            _ => self.ended(&outcome, TaskStatus::Completed),
        }
    }

    async fn cancel(&self, random: &mut Random) -> Result<()> {
        let task = self.connection.new_task(1)?;
        let Some(running) = self.start(task, "wait_for_abort").await else { return Ok(()) };
        sleep(Duration::from_millis(random.between(0..50))).await;
        running.cancel("it is enough");
        self.ended(&running.join().await, TaskStatus::Aborted)
    }

    async fn deadline(&self, random: &mut Random) -> Result<()> {
        let deadline = Duration::from_millis(random.between(1..300));
        let task = self.connection.new_task(600_000)?.deadline(deadline);
        let Some(running) = self.start(task, "sleep").await else { return Ok(()) };
        self.ended(&running.join().await, TaskStatus::TimedOut)
    }

    async fn refused(&self) -> Result<()> {
        let task = self.connection.new_task(1)?.start_deadline(START_DEADLINE);
        match task.function("no such function").start().await {
            Ok(_) => Err("a function that is none was started".into()),
            Err(error) => {
                self.count(&format!("not started ({})", error.code()));
                Ok(())
            }
        }
    }

    async fn fails(&self) -> Result<()> {
        let task = self.connection.new_task("as asked")?;
        let Some(running) = self.start(task, "fail").await else { return Ok(()) };
        self.ended(&running.join().await, TaskStatus::Failed)
    }

    async fn flood(&self, random: &mut Random) -> Result<()> {
        let task = self.connection.new_task(random.between(1..500))?;
        let Some(running) = self.start(task, "flood").await else { return Ok(()) };
        let mut events = running.events();
        while events.next().await.is_some() {}
        self.ended(&running.join().await, TaskStatus::Completed)
    }

    /// A connection of its own for one task.
    async fn connects(&self) -> Result<()> {
        let name = format!("visitor-{}", self.connections.fetch_add(1, Ordering::Relaxed));
        self.at(format!("connecting as {name}"));
        let Ok(connection) = self.master.connect(&name, &self.address).await else {
            self.count("not connected");
            return Ok(());
        };
        if let Some(running) = self.start(connection.new_task("hello")?, "echo").await {
            self.ended(&running.join().await, TaskStatus::Completed)?;
        }
        self.at(format!("the goodbye of {name}"));
        // A goodbye that is not answered closes it all the same.
        let _ = connection.disconnect().await;
        self.at(format!("the end of {name}"));
        connection.detach();
        connection.closed().await;
        self.count("connected");
        Ok(())
    }

    async fn start(&self, task: Task, function: &str) -> Option<RunningTask> {
        let (completed, failed) = (Arc::clone(&self.told), Arc::clone(&self.told));
        let task = task
            .on_complete(move |_, _| count_one(&completed))
            .on_fail(move |_, _| count_one(&failed));
        self.at(format!("the start of {function} on {}", task.connection()));
        match task.function(function).start_deadline(START_DEADLINE).start().await {
            Ok(running) | Err(StartError::Unknown(running)) => {
                self.started.fetch_add(1, Ordering::SeqCst);
                let (id, on) = (running.id(), running.connection());
                self.at(format!("the join of {function} {id} on {on}, {}", running.status()));
                Some(running)
            }
            Err(error) => {
                self.count(&format!("not started ({})", error.code()));
                None
            }
        }
    }

    /// Counts an end, which is the expected one: no fault lasts as long as the resume window.
    fn ended(&self, outcome: &Outcome, expected: TaskStatus) -> Result<()> {
        self.count(&outcome.status.to_string());
        if outcome.status == expected {
            return Ok(());
        }
        Err(format!("{expected} was to come, and not {}", outcome.status).into())
    }

    fn count(&self, what: &str) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(what.to_owned()).or_default() += 1;
    }
}

fn count_one(count: &AtomicU64) {
    count.fetch_add(1, Ordering::SeqCst);
}

fn content(random: &mut Random, bytes: std::ops::Range<u64>) -> Payload {
    let length = usize::try_from(random.between(bytes)).expect("it fits into memory");
    let mut content = Vec::with_capacity(length + 8);
    while content.len() < length {
        content.extend(random.next_u64().to_le_bytes());
    }
    Payload::bytes(content)
}
