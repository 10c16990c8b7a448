//! What many connections cost: time, memory, a round of one task each, and silence.

use std::time::{Duration, Instant};

use super::{Figures, named};
use crate::Result;
use crate::ours::Slaves;
use crate::placement::Placement;
use crate::process::{Server, rss_of};
use crate::rounds::{median, timed};
use crate::yardstick::streams::Streams;

/// Rounds of one task each; their median counts.
const ROUNDS: usize = 5;

/// Nothing but beats for so long: six of them on each connection, and the answers to every third. A
/// time that is no multiple of nine seconds would have an answer more or less, on either side.
const IDLE: Duration = Duration::from_secs(18);

pub(super) async fn ours(count: usize) -> Result<Figures> {
    let server = Server::start(Placement::OneCore).await?;
    let connect = Slaves::connect(server.at.slave, count);
    measure(&server, count, connect, Slaves::round).await
}

pub(super) async fn raw(count: usize) -> Result<Figures> {
    let server = Server::start(Placement::OneCore).await?;
    let connect = Streams::connect(server.at.echo, count);
    measure(&server, count, connect, Streams::round).await
}

async fn measure<T>(
    server: &Server,
    count: usize,
    connect: impl Future<Output = Result<T>>,
    round: impl AsyncFn(&T) -> Result<()>,
) -> Result<Figures> {
    let pids = [std::process::id(), server.pid];
    let [client, other] = pids.map(rss_of);
    let begun = Instant::now();
    let connected = connect.await?;
    let connect = begun.elapsed();
    let [client_now, other_now] = pids.map(rss_of);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        rounds.push(timed(round(&connected)).await?.as_secs_f64());
    }
    let before = server.cpu()?;
    tokio::time::sleep(IDLE).await;
    let idle = server.cpu()? - before;
    let each = |before: f64, now: f64| (now - before) / 1024.0 / count as f64;
    Ok(named([
        ("connect", connect.as_secs_f64()),
        ("client", each(client?, client_now?)),
        ("server", each(other?, other_now?)),
        ("round", median(&rounds).map_or(f64::NAN, |(middle, _)| middle)),
        ("idle", idle / IDLE.as_secs_f64()),
    ]))
}
