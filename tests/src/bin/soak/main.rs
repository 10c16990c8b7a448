//! Runs mixed work under faults for minutes, and checks that nothing is left of it.
//!
//! `cargo run --release -p selsyn-tests --bin soak -- --minutes 10 [--seed 7]`. Master and slave
//! are separate processes with a fault proxy between them: the program starts itself again as the
//! slave. Memory, descriptors, threads and tokio tasks of both are taken after the first 30 s, with
//! the work paused, and again at the end; what has not come back to that base line fails the run
//! (exit code 1). So does a wrong result.
//!
//! Memory is what is in use, not what the allocator keeps: after payloads of some MiB, glibc by itself
//! gives no freed memory back that it may need again, so that both processes would stay near their
//! peak. The program therefore starts itself again under limits that stay as they begin.

mod figures;
mod slave;
mod work;

use std::error::Error;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use selsyn::{Connection, ConnectionState, Master};
use selsyn_testing::{FaultProxy, Plan, SlaveProcess, Timeline};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use figures::Both;
use work::Work;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// The base line is taken so long after the beginning; figures are printed as often.
const BASE_LINE: Duration = Duration::from_secs(30);
/// The quiet before figures are taken: idle threads of a tokio pool end after 10 s.
const SETTLE: Duration = Duration::from_secs(12);
/// How much longer the figures may take to come back: HTTP/2 notices a dead peer after 30 s.
const PATIENCE: Duration = Duration::from_secs(40);
/// After it the tasks of a broken session are given up: longer than any fault and the longest
/// pause of a re-dial, so that none is.
const WINDOW: Duration = Duration::from_secs(30);
const WORKERS: u64 = 200;

/// Where glibc reads its limits, once, at the beginning; other allocators do not.
const ALLOCATOR: &str = "GLIBC_TUNABLES";
/// Those that it begins with. Said aloud, they do not rise.
const LIMITS: &str = "glibc.malloc.mmap_threshold=131072:glibc.malloc.trim_threshold=131072";

fn main() -> Result<()> {
    if SlaveProcess::serve_if_asked(slave::build) {
        return Ok(());
    }
    if std::env::var_os(ALLOCATOR).is_none() {
        return again();
    }
    let (minutes, seed) = asked(&std::env::args().skip(1).collect::<Vec<_>>())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(soak(Duration::from_secs(60 * minutes), seed))
}

/// Runs this program with the allocator's limits, which the slave inherits.
fn again() -> Result<()> {
    let mut program = Command::new(std::env::current_exe()?);
    let status = program.args(std::env::args_os().skip(1)).env(ALLOCATOR, LIMITS).status()?;
    if status.success() { Ok(()) } else { Err(format!("the soak ended with {status}").into()) }
}

/// The minutes and the seed.
fn asked(arguments: &[String]) -> Result<(u64, u64)> {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (minutes, seed): (u64, u64) = match arguments.as_slice() {
        ["--minutes", minutes] => (minutes.parse()?, 7),
        ["--minutes", minutes, "--seed", seed] => (minutes.parse()?, seed.parse()?),
        _ => return Err("usage: soak --minutes N [--seed S]".into()),
    };
    if minutes == 0 {
        return Err("it must run for a minute at least: the base line comes after 30 s".into());
    }
    Ok((minutes, seed))
}

/// Everything that is under the load.
struct Soak {
    master: Master,
    proxy: FaultProxy,
    connection: Connection,
    process: SlaveProcess,
    work: Arc<Work>,
    begun: Instant,
    seed: u64,
}

async fn soak(lasts: Duration, seed: u64) -> Result<()> {
    let process = SlaveProcess::start_with(Vec::<String>::new()).await?;
    let timeline = Timeline::new(Some(seed));
    let proxy = FaultProxy::to_address_noting(process.address(), seed, "soak", timeline);
    let address = proxy.listen().await?.to_string();
    let master = Master::builder()
        .suspect_after(Duration::from_millis(500))
        .heartbeat_tolerance(Duration::from_secs(2))
        .resume_window(Some(WINDOW))
        .build()?;
    let connection = master.connect("soak", &address).attempts(10).await?;
    let work = Arc::new(Work::new(master.clone(), connection.clone(), address));
    let mut soak = Soak {
        master: master.clone(),
        proxy,
        connection,
        process,
        work,
        begun: Instant::now(),
        seed,
    };
    soak.runs_until(BASE_LINE).await?;
    let base = soak.figures().await?;
    say(&format!("base line: {base}\n"))?;
    soak.runs_until(lasts).await?;
    let verdict = soak.verdict(&base).await;
    master.close().await;
    soak.process.terminate()?;
    let status = timeout(PATIENCE, soak.process.ended()).await??;
    if !status.success() {
        return Err(format!("the slave ended with {status}").into());
    }
    verdict
}

impl Soak {
    /// Works under faults, then lets everything settle; over at this time after the beginning,
    /// or as much later as the last work ended late.
    async fn runs_until(&mut self, over: Duration) -> Result<()> {
        let (over, mut workers) = (self.begun + over, JoinSet::new());
        for worker in 0..WORKERS {
            workers.spawn(Arc::clone(&self.work).run(over - SETTLE, self.seed ^ (worker << 32)));
        }
        tokio::select! {
            () = faults(&self.proxy, &mut self.seed) => {}
            said = reports(&self.work, &self.proxy, self.begun, over - SETTLE) => said?,
        }
        self.proxy.heal();
        let ends = async {
            while let Some(ended) = workers.join_next().await {
                ended??;
            }
            Result::<()>::Ok(())
        };
        match timeout(SETTLE + PATIENCE, ends).await {
            Ok(ended) => ended?,
            Err(_) => {
                let unfinished = self.work.unfinished();
                let connections = self.master.connections();
                return Err(format!("work hangs: {unfinished:#?} of {connections:#?}").into());
            }
        }
        self.work.check_callbacks()?;
        let up = self.connection.wait_until(|state| state == ConnectionState::Connected);
        timeout(PATIENCE, up).await.map_err(|_| "the connection does not come back")?;
        sleep_until(over.max(Instant::now() + SETTLE)).await;
        Ok(())
    }

    async fn figures(&self) -> Result<Both> {
        Both::take(&self.connection, self.process.pid().ok_or("the slave has ended")?).await
    }

    /// Waits until the figures are back at the base line.
    async fn verdict(&self, base: &Both) -> Result<()> {
        let begun = Instant::now();
        loop {
            let now = self.figures().await?;
            match now.problem(base) {
                None => {
                    say(&format!("at the end: {now}\n"))?;
                    return say(&format!(
                        "all is back at the base line, after {}\n",
                        self.work.counts()
                    ));
                }
                Some(problem) if begun.elapsed() > PATIENCE => {
                    say(&format!("at the end: {now}\n"))?;
                    return Err(problem.into());
                }
                Some(_) => sleep(Duration::from_millis(500)).await,
            }
        }
    }
}

/// Plays one plan after the other.
async fn faults(proxy: &FaultProxy, seed: &mut u64) {
    loop {
        *seed += 1;
        let lasts = Duration::from_millis(20)..Duration::from_millis(500);
        proxy.play(&Plan::swarm(*seed, 20, lasts)).await;
    }
}

/// Says now and then what was done, until it is over.
async fn reports(work: &Work, proxy: &FaultProxy, begun: Instant, over: Instant) -> Result<()> {
    while Instant::now() < over {
        sleep_until((Instant::now() + BASE_LINE).min(over)).await;
        let now = begun.elapsed().as_secs();
        say(&format!("{now:>4} s: {}; faults: {}\n", work.counts(), proxy.applied()))?;
    }
    Ok(())
}

fn say(text: &str) -> Result<()> {
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}
