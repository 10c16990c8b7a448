//! Runs many tasks over one connection, and as many unary calls of the same payload, in one run.
//!
//! `cargo run --release -p selsyn-tests --bin many_tasks -- --tasks 200000`. Master and slave are
//! separate processes: the program starts itself again as the slave. Every task must complete and
//! have its callback exactly once, or the program fails. Rates are told side by side, as a ratio.

use std::error::Error;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use selsyn::{Connection, Failure, FunctionExecution, Master, Payload, Slave, function};
use selsyn_tests::unary;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const IN_FLIGHT: usize = 1_000;
const PAYLOAD: usize = 64;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [role] if role == "slave" => serve().await,
        [flag, tasks] if flag == "--tasks" => compare(tasks.parse()?).await,
        _ => Err("usage: many_tasks --tasks N".into()),
    }
}

/// The other process: a slave and a unary service, until its standard input ends.
async fn serve() -> Result<()> {
    let echo = |_: FunctionExecution, data: Payload| async move { Ok::<_, Failure>(data) };
    let slave = Slave::builder().function("echo", echo).function("inline", function(echo).inline());
    let slave = slave.bind("127.0.0.1:0").await?;
    let unary = unary::serve().await?;
    say(&format!("{} {unary}\n", slave.addr()))?;
    let parent_gone = async { drop(tokio::io::stdin().read_to_end(&mut Vec::new()).await) };
    Ok(slave.serve_until(parent_gone).await?)
}

async fn compare(tasks: usize) -> Result<()> {
    let (_process, slave, unary) = start_slave().await?;
    let master = Master::new()?;
    let connection = master.connect("slave", slave.to_string()).await?;
    let mut ratios = Vec::new();
    for round in 1..=ROUNDS {
        let plain = run_tasks(&connection, "echo", tasks).await?;
        let inline = run_tasks(&connection, "inline", tasks).await?;
        let calls = unary::run(unary, tasks.min(50_000), IN_FLIGHT, PAYLOAD).await?;
        ratios.push(plain / calls);
        say(&format!(
            "round {round}: {plain:.0} tasks/s, inline {inline:.0} tasks/s, unary {calls:.0} calls/s, ratio {:.2} / {:.2}\n",
            plain / calls,
            inline / calls,
        ))?;
    }
    ratios.sort_by(f64::total_cmp);
    say(&format!(
        "median ratio {:.2}, from {:.2} to {:.2}\n",
        ratios[ROUNDS / 2],
        ratios[0],
        ratios[ROUNDS - 1]
    ))?;
    master.close().await;
    Ok(())
}

async fn start_slave() -> Result<(Child, SocketAddr, SocketAddr)> {
    let mut process = Command::new(std::env::current_exe()?)
        .arg("slave")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let output = process.stdout.take().ok_or("the slave's output is piped")?;
    let line = BufReader::new(output).lines().next_line().await?.ok_or("the slave has ended")?;
    let (slave, unary) = line.split_once(' ').ok_or("the slave tells two addresses")?;
    Ok((process, slave.parse()?, unary.parse()?))
}

/// Tasks a second, each completed with its callback exactly once.
async fn run_tasks(connection: &Connection, function: &str, tasks: usize) -> Result<f64> {
    let callbacks = Arc::new(AtomicUsize::new(0));
    let completed = Arc::new(AtomicUsize::new(0));
    let data = Payload::bytes(vec![7; PAYLOAD]);
    let begun = Instant::now();
    let all = stream::iter(0..tasks).for_each_concurrent(IN_FLIGHT, |_| async {
        let told = Arc::clone(&callbacks);
        let count = move |_: &Payload, _: &Payload| {
            told.fetch_add(1, Ordering::Relaxed);
        };
        let Ok(task) = connection.new_task(&data) else { return };
        let Ok(running) = task.function(function).on_complete(count).start().await else { return };
        if running.join().await.value() == Some(&data) {
            completed.fetch_add(1, Ordering::Relaxed);
        }
    });
    tokio::time::timeout(Duration::from_secs(600), all).await?;
    let elapsed = begun.elapsed();
    let counts = [&completed, &callbacks].map(|count| count.load(Ordering::Relaxed));
    if counts != [tasks, tasks] {
        return Err(format!("of {tasks} tasks {counts:?} completed and were told").into());
    }
    Ok(tasks as f64 / elapsed.as_secs_f64())
}

fn say(text: &str) -> Result<()> {
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}
