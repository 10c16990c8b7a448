//! Sends a gibibyte there and back, and measures what it costs.
//!
//! `cargo run --release -p selsyn-tests --bin large_payload [-- --mib 1024]`. Master and slave are
//! separate processes: the program starts itself again as the slave. It prints the peak memory of
//! both above what they had before, and how long a cancel of another task takes meanwhile; it fails
//! (exit code 1) when a payload is held more often than it must be, or a cancel waits behind it.
//! Linux only: it reads `/proc`.

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use selsyn::{
    Connection, Failure, FunctionExecution, Master, Payload, PayloadKind, SlaveBuilder, TaskStatus,
};
use selsyn_testing::{SlaveProcess, functions};
use selsyn_tests::memory;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const MIB: usize = 1024 * 1024;
/// What may come on top: buffers, the tables, the allocator's own.
const ALLOWANCE: usize = 32 * MIB;
/// A cancel of another task must be confirmed within this.
const CANCEL_LIMIT: Duration = Duration::from_millis(100);

fn build(slave: SlaveBuilder) -> SlaveBuilder {
    async fn length(_: FunctionExecution, data: Payload) -> std::result::Result<usize, Failure> {
        Ok(data.len())
    }
    slave
        .max_payload_bytes(1024 * MIB)
        .queue(100, 1024 * MIB)
        .function("echo", functions::echo())
        .function("length", length)
        .function("wait", functions::wait_for_abort())
}

fn main() -> Result<()> {
    if SlaveProcess::serve_if_asked(build) {
        return Ok(());
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mib = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => 1024,
        ["--mib", mib] => mib.parse()?,
        _ => return Err("usage: large_payload [--mib N]".into()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(mib * MIB))
}

async fn measure(bytes: usize) -> Result<()> {
    let slave = SlaveProcess::start_with(Vec::<String>::new()).await?;
    let pids = [std::process::id(), slave.pid().ok_or("the slave has ended")?];
    let master = Master::builder().max_payload_bytes(1024 * MIB).build()?;
    let connection = master.connect("slave", slave.address()).await?;
    warm_up(&connection).await?;
    let echo = one_way(&connection, "echo", bytes, pids, [2 * bytes, bytes]).await?;
    let length = one_way(&connection, "length", bytes, pids, [bytes, bytes]).await?;
    master.close().await;
    if echo && length { Ok(()) } else { Err("a limit was passed: see above".into()) }
}

/// Small tasks, so that idle means idle and not new.
async fn warm_up(connection: &Connection) -> Result<()> {
    for n in 0..1_000 {
        connection.new_task(n)?.function("echo").start().await?.join().await;
    }
    cancel_one(connection).await.map(drop)
}

/// Runs one function on one large payload; says whether all limits were kept.
async fn one_way(
    connection: &Connection,
    function: &str,
    bytes: usize,
    pids: [u32; 2],
    limits: [usize; 2],
) -> Result<bool> {
    let idle = [memory::begin(pids[0])?, memory::begin(pids[1])?];
    let begun = Instant::now();
    let task = connection.new_task(pattern(bytes))?.function(function);
    let task = task.start_deadline(Duration::from_secs(120));
    let started = tokio::spawn(task.start());
    let mut slowest = Duration::ZERO;
    let mut cancels = 0;
    while !started.is_finished() {
        slowest = slowest.max(cancel_one(connection).await?);
        cancels += 1;
    }
    let running = started.await??;
    let mut end = tokio::spawn({
        let running = running.clone();
        async move { running.join().await }
    });
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut end => break outcome?,
            took = cancel_one(connection) => {
                slowest = slowest.max(took?);
                cancels += 1;
            }
        }
    };
    let took = begun.elapsed();
    let value = outcome.value().ok_or("the task did not complete")?;
    let is_intact = match function {
        "echo" => value.as_bytes() == running.data().as_bytes(),
        _ => value.to::<usize>()? == bytes,
    };
    let above = [
        memory::peak(pids[0])?.saturating_sub(idle[0]),
        memory::peak(pids[1])?.saturating_sub(idle[1]),
    ];
    writeln!(
        std::io::stdout(),
        "{function} of {} MiB in {took:.2?}: master +{} MiB (limit {}), slave +{} MiB (limit {}), \
         intact: {is_intact}; slowest of {cancels} cancels meanwhile {slowest:.1?}",
        bytes / MIB,
        above[0] / MIB,
        (limits[0] + ALLOWANCE) / MIB,
        above[1] / MIB,
        (limits[1] + ALLOWANCE) / MIB,
    )?;
    let is_lean = above.iter().zip(limits).all(|(above, limit)| *above <= limit + ALLOWANCE);
    Ok(is_intact && is_lean && slowest < CANCEL_LIMIT && cancels > 0)
}

/// Bytes that differ from part to part.
fn pattern(bytes: usize) -> Payload {
    let mut data = vec![0_u8; bytes];
    for (n, chunk) in data.chunks_mut(4_096).enumerate() {
        chunk.fill((n % 251) as u8);
    }
    Payload::from_parts(PayloadKind::Bytes, data.into())
}

/// Starts a task and cancels it; gives the time from the cancel to the verdict.
async fn cancel_one(connection: &Connection) -> Result<Duration> {
    let running = connection.new_task(1)?.function("wait").start().await?;
    let asked = Instant::now();
    running.cancel("measured");
    let outcome = running.join().await;
    assert_eq!(outcome.status, TaskStatus::Aborted);
    Ok(asked.elapsed())
}
