//! One master and some slaves on simulated hosts, with work to do.

use std::net::Ipv4Addr;
use std::ops::Range;
use std::time::Duration;

use selsyn::{
    ConnectionState, Failure, FunctionExecution, Master, OnStartError, Slave, StartError,
};
use selsyn_testing::Random;
use tokio::runtime::Handle;
use tokio::time::sleep;
use turmoil::net::{TcpListener, TcpStream};

use crate::history::History;
use crate::network::{Script, Trouble};

pub(crate) const MASTER: &str = "master";
const PORT: u16 = 7236;
const SLAVES: usize = 3;
const TASKS: u32 = 120;
/// Between two starts.
const PAUSE: Duration = Duration::from_millis(150);
const TOLERANCE: Duration = Duration::from_secs(2);
/// When the last trouble is over, and when everything must have ended.
const HEALED: Duration = Duration::from_secs(25);
const OVER: Duration = Duration::from_secs(60);

pub(crate) fn slave(index: usize) -> String {
    format!("slave-{index}")
}

/// Runs one simulation; gives its history, which is checked.
pub(crate) fn simulate(
    seed: u64,
    kinds: &[Trouble],
    lasts: Range<Duration>,
    window: Duration,
) -> History {
    let mut random = Random::new(seed);
    let history = History::default();
    let mut sim = turmoil::Builder::new()
        .rng_seed(random.next_u64())
        .tick_duration(Duration::from_millis(4))
        .min_message_latency(Duration::from_millis(1))
        .max_message_latency(Duration::from_millis(20))
        .simulation_duration(OVER)
        .build();
    for index in 0..SLAVES {
        let history = history.clone();
        sim.host(slave(index).as_str(), move || serve(history.clone()));
    }
    sim.client(MASTER, work(random.next_u64(), window, history.clone()));
    let mut script = Script::draw(&mut random, kinds, lasts, SLAVES, HEALED);
    while !sim.step().unwrap_or_else(|error| panic!("{error}\n{}", history.trace())) {
        script.apply(&mut sim, &history);
    }
    assert!(script.is_over(), "the work was over before the trouble:\n{}", history.trace());
    history.check(TASKS);
    history
}

/// A slave, each time its host is started.
async fn serve(history: History) -> turmoil::Result {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    let accepted = futures_util::stream::unfold(listener, |listener| async {
        Some((listener.accept().await.map(|(stream, _)| stream), listener))
    });
    let run = move |_: FunctionExecution, (task, millis): (u32, u64)| {
        let history = history.clone();
        async move {
            history.ran(task);
            sleep(Duration::from_millis(millis)).await;
            Ok::<_, Failure>(task)
        }
    };
    let slave = Slave::builder()
        .function("run", run)
        .heartbeat_every(TOLERANCE / 4)
        .heartbeat_tolerance(TOLERANCE)
        .function_runtime(Handle::current());
    let _serving = slave.incoming(accepted)?.spawn();
    std::future::pending().await
}

/// The master: tasks for all slaves in turn, joined at once or after a while.
async fn work(seed: u64, window: Duration, history: History) -> turmoil::Result {
    let mut random = Random::new(seed);
    let master = Master::builder()
        .suspect_after(TOLERANCE / 2)
        .heartbeat_tolerance(TOLERANCE)
        .resume_window(Some(window))
        .greeting_timeout(TOLERANCE)
        .start_deadline(Duration::from_secs(3))
        .on_start_error(|_, _| OnStartError::Propagate)
        .build()?;
    let mut connections = Vec::new();
    for index in 0..SLAVES {
        let dial = move || async move {
            on_the_second().await;
            TcpStream::connect((slave(index), PORT)).await
        };
        let connect = master.connect_with(slave(index), dial).attempts_without_limit();
        let connection = connect.every(Duration::from_millis(100)).await?;
        tokio::spawn(watch(connection.clone(), history.clone()));
        connections.push(connection);
    }
    let mut tasks = Vec::new();
    for task in 0..TASKS {
        let connection = connections[task as usize % SLAVES].clone();
        let millis = random.between(0..3_000);
        tasks.push(tokio::spawn(one(connection, task, millis, history.clone())));
        sleep(PAUSE).await;
    }
    for task in tasks {
        task.await?;
    }
    // Trouble may last longer than the work.
    sleep(HEALED.saturating_sub(turmoil::sim_elapsed().unwrap_or_default())).await;
    for connection in &connections {
        connection.wait_until(|state| state == ConnectionState::Connected).await;
    }
    history.note("all is well");
    Ok(())
}

/// Re-dials wait for a time that no seed decides: most of the difference goes in the rounding.
async fn on_the_second() {
    let now = turmoil::sim_elapsed().unwrap_or_default();
    let past = Duration::from_nanos(now.subsec_nanos().into());
    sleep(Duration::from_secs(1) - past).await;
}

async fn watch(connection: selsyn::Connection, history: History) {
    let mut last = ConnectionState::Dialing;
    while !last.is_final() {
        last = connection.wait_until(|state| state != last).await;
        history.note(format_args!("{} is {last}", connection.name()));
    }
}

async fn one(connection: selsyn::Connection, task: u32, millis: u64, history: History) {
    let (completed, failed) = (history.clone(), history.clone());
    let starting = connection
        .new_task((task, millis))
        .unwrap()
        .function("run")
        .on_complete_async(move |_, _| {
            completed.told_back(task);
            std::future::ready(())
        })
        .on_fail_async(move |_, _| {
            failed.told_back(task);
            std::future::ready(())
        });
    let running = match starting.start().await {
        Ok(running) => running,
        Err(StartError::Unknown(running)) => running,
        Err(error) => return history.refused(task, error.ran(), error.code()),
    };
    let outcome = running.join().await;
    history.ended(task, &outcome);
}
