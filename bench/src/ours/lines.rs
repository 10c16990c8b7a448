//! Log lines of one execution, read to the last by one watcher.

use std::net::SocketAddr;

use selsyn::{Control, Happened, Master};

use crate::Result;

/// A slave whose executions are watched.
pub(crate) struct Lines(Control);

impl Lines {
    pub(crate) fn connect(slave: SocketAddr) -> Result<Self> {
        Ok(Self(Master::new()?.control(slave)?))
    }

    /// Has so many lines logged by one execution, and reads them while it runs.
    pub(crate) async fn run(&self, lines: usize) -> Result<()> {
        let started = self.0.start("lines", lines)?.await?;
        let (mut events, mut read) = (self.0.watch(started.id(), 1), 0);
        while let Some(event) = events.next().await {
            match event?.what {
                Happened::Output(_) => read += 1,
                Happened::Gap(count) => return Err(format!("{count} lines are missing").into()),
                _ => {}
            }
        }
        if read == lines { Ok(()) } else { Err(format!("{read} lines of {lines}").into()) }
    }
}
