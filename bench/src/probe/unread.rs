//! An application that subscribes to the events of its tasks and never looks at them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use selsyn::Master;

use super::Figures;
use crate::Result;
use crate::ours::{Small, Watched, Watching};
use crate::placement::Placement;
use crate::process::{Server, rss_of};

/// Rounds, in each of which the tasks are watched by a reader and then by none.
const ROUNDS: usize = 5;

/// Tasks that the neighbour, a connection of the same master, has in flight.
const NEIGHBOURS: usize = 16;

const MIB: f64 = 1024.0 * 1024.0;

/// So many unread tasks in all.
pub(super) async fn measure(tasks: usize) -> Result<Figures> {
    let server = Server::start(Placement::OneCore).await?;
    let master = Master::new()?;
    let watched = Watched::connect(&master, "watched", server.at.slave).await?;
    let neighbour = master.connect("neighbour", server.at.slave).await?;
    let neighbour = Small::on(&neighbour, "inline");
    let (mut figures, mut memory) = (Figures::new(), Vec::new());
    for round in 1..=ROUNDS {
        for (name, watching) in [("read", Watching::Reads), ("ignored", Watching::Ignores)] {
            let rate = beside(&neighbour, &watched, tasks / ROUNDS, watching).await?;
            figures.insert(format!("{name} {round}"), rate);
        }
        memory.push(rss_of(std::process::id())? + rss_of(server.pid)?);
    }
    // The first round fills what is used again.
    figures.insert("grown".to_owned(), (memory[ROUNDS - 1] - memory[0]) / MIB);
    figures.insert("losses".to_owned(), watched.losses() as f64);
    Ok(figures)
}

/// The neighbour's tasks a second while watched tasks run.
async fn beside(
    neighbour: &Small,
    watched: &Watched,
    tasks: usize,
    watching: Watching,
) -> Result<f64> {
    let over = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let run = async {
        let ran = watched.run(tasks, watching).await;
        over.store(true, Ordering::Release);
        ran
    };
    let (ran, done) = futures_util::join!(run, neighbour.until(&over, NEIGHBOURS));
    ran?;
    Ok(done? as f64 / begun.elapsed().as_secs_f64())
}
