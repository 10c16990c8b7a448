//! What one more task, connection or byte costs when there are many already.

use std::time::{Duration, Instant};

use super::{Figures, named};
use crate::Result;
use crate::ours::{Bulk, Outstanding, Slaves};
use crate::placement::Placement;
use crate::process::{Server, cpu_of, peak_of, rss_of};

/// Connections that make both processes warm, so that what all share is not counted.
const WARM: usize = 10;

/// Tasks that the rounds over all connections have together, at least.
const ROUND_TASKS: usize = 20_000;

/// Payloads of one size are carried for so long, and so often at least.
const CARRY: (Duration, usize) = (Duration::from_millis(600), 3);

/// Payloads that are large beside what else a process takes: their memory shows.
const SHOWS_BYTES: usize = 1 << 20;

const KIB: f64 = 1024.0;

/// Tasks that are all started, then outstanding, then joined.
pub(super) async fn tasks(count: usize) -> Result<Figures> {
    let mut server = Server::start(Placement::OneCore).await?;
    let (mut outstanding, starter) = Outstanding::warm(server.at.slave, count).await?;
    let before = Meter::read(&server)?;
    outstanding.fill(&starter, count).await?;
    let memory = before.memory(rss_of, count as f64)?;
    server.open_gate().await?;
    outstanding.join().await?;
    Ok(named(before.cpu(count as f64 / 1e6)?.into_iter().chain(memory)))
}

/// Connections of one master, and a task on each.
pub(super) async fn connections(count: usize) -> Result<Figures> {
    let server = Server::start(Placement::OneCore).await?;
    let warm = Slaves::connect(server.at.slave, WARM).await?;
    warm.round().await?;
    let before = Meter::read(&server)?;
    let slaves = Slaves::connect(server.at.slave, count).await?;
    let memory = before.memory(rss_of, count as f64 * KIB)?;
    let [master, slave] = before.cpu(count as f64 / 1e6)?.map(|(_, cpu)| cpu);
    let connecting = [("master connecting", master), ("slave connecting", slave)];
    let rounds = ROUND_TASKS.div_ceil(count);
    let before = Meter::read(&server)?;
    for _ in 0..rounds {
        slaves.round().await?;
    }
    let cpu = before.cpu((rounds * count) as f64 / 1e6)?;
    Ok(named(cpu.into_iter().chain(memory).chain(connecting)))
}

/// Payloads of so many bytes, there and back, one after another.
pub(super) async fn payload(bytes: usize) -> Result<Figures> {
    let server = Server::start(Placement::OneCore).await?;
    let bulk = Bulk::connect(server.at.slave, bytes).await?;
    let (before, begun) = (Meter::read(&server)?, Instant::now());
    let mut carried = 0;
    while carried < CARRY.1 || begun.elapsed() < CARRY.0 {
        bulk.task().await?;
        carried += 1;
    }
    let cpu = before.cpu((2 * carried * bytes) as f64 / 1e9)?;
    let memory = before.memory(peak_of, bytes as f64)?;
    let shown = memory.into_iter().filter(|_| bytes >= SHOWS_BYTES);
    Ok(named(cpu.into_iter().chain(shown)))
}

/// What both processes had used at some moment.
struct Meter {
    pids: [u32; 2],
    cpu: [f64; 2],
    rss: [f64; 2],
}

impl Meter {
    fn read(server: &Server) -> Result<Self> {
        let pids = [std::process::id(), server.pid];
        Ok(Self { pids, cpu: both(pids, cpu_of)?, rss: both(pids, rss_of)? })
    }

    /// CPU seconds of each side since then, shared out.
    fn cpu(&self, among: f64) -> Result<[(&'static str, f64); 2]> {
        let now = both(self.pids, cpu_of)?;
        let each = |n: usize| (now[n] - self.cpu[n]) / among;
        Ok([("master CPU", each(0)), ("slave CPU", each(1))])
    }

    /// Bytes of memory that each side has taken since then, shared out.
    fn memory(
        &self,
        look: impl Fn(u32) -> Result<f64>,
        among: f64,
    ) -> Result<[(&'static str, f64); 2]> {
        let now = both(self.pids, look)?;
        let each = |n: usize| (now[n] - self.rss[n]) / among;
        Ok([("master memory", each(0)), ("slave memory", each(1))])
    }
}

fn both(pids: [u32; 2], look: impl Fn(u32) -> Result<f64>) -> Result<[f64; 2]> {
    Ok([look(pids[0])?, look(pids[1])?])
}
