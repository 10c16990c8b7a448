//! Logs a million lines from one execution, and ten million, before watchers of every pace, and
//! measures what the slave keeps.
//!
//! `cargo run --release -p selsyn-tests --bin many_lines`. Master and slave are separate processes:
//! the program starts itself again as the slave. Of a million lines, which is what a log keeps, every
//! watcher gets each, in order. Of ten million the last million is kept: a watcher gets each line,
//! or is told of it in a gap. The gap reaches from where the watcher stands to the oldest line that
//! is kept, so that two that stand at the same place are told the same. It fails (exit code 1) when
//! a watcher is told otherwise, or when the slave takes more memory than a log may have. Linux only:
//! it reads `/proc`.

use std::error::Error;
use std::io::Write as _;
use std::time::{Duration, Instant};

use selsyn::{
    Control, ExecutionEvent, ExecutionId, Failure, FunctionExecution, Happened, Master,
    OutputContent, SlaveBuilder, Watch,
};
use selsyn_testing::SlaveProcess;
use selsyn_tests::memory;
use tokio::time::timeout;

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const MIB: usize = 1024 * 1024;
/// What a log keeps by default.
const KEPT: u64 = 1_000_000;
/// The bytes that a log may have, and what may come on top: where its events end, buffers of three
/// watchers, the allocator's own.
const LIMIT: usize = (64 + 32) * MIB;
/// The longest that one part may take.
const PATIENCE: Duration = Duration::from_secs(600);

fn build(slave: SlaveBuilder) -> SlaveBuilder {
    slave.function("lines", lines)
}

/// Logs so many lines, once its caller says so.
async fn lines(execution: FunctionExecution, lines: u64) -> std::result::Result<(), Failure> {
    execution.inputs().next().await;
    for line in 0..lines {
        execution.info(format_args!("line {line}"));
        if line.is_multiple_of(1_024) {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

fn main() -> Result<()> {
    if SlaveProcess::serve_if_asked(build) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for lines in [KEPT, 10 * KEPT] {
        runtime.block_on(async { timeout(PATIENCE, measure(lines)).await })??;
    }
    Ok(())
}

/// What a watcher was told.
#[derive(Debug, Default)]
struct Told {
    lines: u64,
    /// Lines that it was told are kept no more.
    missed: u64,
    /// Lines before the first gap, if there was one.
    before_gap: Option<u64>,
    /// The number that the next event must have.
    next: u64,
}

impl Told {
    /// Checks that an event is the next one, and counts it.
    fn hear(&mut self, event: &ExecutionEvent) -> Result<()> {
        if event.seq != self.next.max(1) {
            return Err(format!("event {} came in place of {}", event.seq, self.next).into());
        }
        self.next = event.next_seq();
        match &event.what {
            Happened::Output(output) => {
                let OutputContent::Log(line) = &output.content else {
                    return Err("only lines are logged".into());
                };
                if line.content != format!("line {}", self.lines + self.missed) {
                    let after = self.lines + self.missed;
                    return Err(format!("{:?} came after {after} lines", line.content).into());
                }
                self.lines += 1;
            }
            Happened::Gap(count) => {
                self.before_gap.get_or_insert(self.lines);
                self.missed += count;
            }
            _ => {}
        }
        Ok(())
    }

    async fn read(&mut self, watch: &mut Watch) -> Result<()> {
        while let Some(event) = watch.next().await {
            self.hear(&event?)?;
        }
        Ok(())
    }
}

async fn measure(lines: u64) -> Result<()> {
    let slave = SlaveProcess::start_with(Vec::<String>::new()).await?;
    let pid = slave.pid().ok_or("the slave has ended")?;
    let master = Master::new()?;
    let connection = master.connect("slave", slave.address()).await?;
    let running = connection.new_task(lines)?.function("lines").start().await?;
    let (control, id) = (connection.executions(), running.execution_id());
    // One reads as it comes, one takes an event and stands still.
    let mut stalled_watch = control.watch(id, 1);
    let mut stalled = Told::default();
    stalled.hear(&stalled_watch.next().await.ok_or("the execution was accepted")??)?;
    let fast = tokio::spawn(all(control.clone(), id));

    let (before, begun) = (memory::begin(pid)?, Instant::now());
    running.send_input(())?;
    control.wait_for_completion(id, Some(PATIENCE)).await?;
    let logged = begun.elapsed();
    let (fast, read) = (fast.await??, begun.elapsed());
    stalled.read(&mut stalled_watch).await?;
    let late = all(control.clone(), id).await?;
    let above = memory::peak(pid)?.saturating_sub(before);

    let mut out = std::io::stdout();
    let rate = |took: Duration| lines as f64 / took.as_secs_f64() / 1e6;
    writeln!(
        out,
        "{lines} lines: logged in {logged:.2?} ({:.2} million/s), read live in {read:.2?} ({:.2} \
         million/s); slave +{} MiB (limit {})",
        rate(logged),
        rate(read),
        above / MIB,
        LIMIT / MIB,
    )?;
    for (name, told) in [("fast", &fast), ("stalled", &stalled), ("late", &late)] {
        let Told { lines, missed, .. } = told;
        writeln!(out, "  {name:<7} {lines} lines, {missed} in a gap")?;
    }
    master.close().await;
    check(lines, [&fast, &stalled, &late])?;
    if above > LIMIT { Err("the slave kept too much".into()) } else { Ok(()) }
}

async fn all(control: Control, id: ExecutionId) -> Result<Told> {
    let (mut told, mut watch) = (Told::default(), control.watch(id, 1));
    told.read(&mut watch).await?;
    Ok(told)
}

fn check(lines: u64, [fast, stalled, late]: [&Told; 3]) -> Result<()> {
    let gone = lines.saturating_sub(KEPT);
    let all_told = [fast, stalled, late].iter().all(|told| told.lines + told.missed == lines);
    // Who stood still had some in hand; from there on it misses what who comes late misses.
    let before_gap = stalled.before_gap.unwrap_or(0);
    let same_gap = late.missed == gone && stalled.missed + before_gap == gone;
    let in_order = gone > 0 || fast.missed == 0;
    if all_told && same_gap && in_order {
        Ok(())
    } else {
        Err("a watcher was told otherwise".into())
    }
}
