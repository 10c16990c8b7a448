//! Memory of tasks that are outstanding.

use std::time::Instant;

use super::{Figures, named};
use crate::Result;
use crate::ours::Outstanding;
use crate::placement::Placement;
use crate::process::{Server, rss_of};

/// Bytes a task on the master and on the slave, and how long they took to be accepted and joined.
pub(super) async fn measure(tasks: usize) -> Result<Figures> {
    let mut server = Server::start(Placement::OneCore).await?;
    let (mut outstanding, starter) = Outstanding::warm(server.at.slave, tasks).await?;
    let pids = [std::process::id(), server.pid];
    let [master, slave] = pids.map(rss_of);
    let begun = Instant::now();
    outstanding.fill(&starter, tasks).await?;
    let filled = begun.elapsed();
    let [master_now, slave_now] = pids.map(rss_of);
    server.open_gate().await?;
    outstanding.join().await?;
    let each = |before: f64, now: f64| (now - before) / tasks as f64;
    Ok(named([
        ("master", each(master?, master_now?)),
        ("slave", each(slave?, slave_now?)),
        ("filled", filled.as_secs_f64()),
        ("joined", (begun.elapsed() - filled).as_secs_f64()),
    ]))
}
