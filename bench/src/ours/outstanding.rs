//! Tasks that were accepted and do not end yet, their handles held.

use std::net::SocketAddr;

use selsyn::{Master, Payload, RunningTask};

use crate::{IN_FLIGHT, PAYLOAD, Result};

/// Tasks that wait at the server's gate.
pub(crate) struct Outstanding {
    _master: Master,
    running: Vec<RunningTask>,
    data: Payload,
}

impl Outstanding {
    /// A connection that has run some tasks, with room for so many handles.
    pub(crate) async fn warm(slave: SocketAddr, tasks: usize) -> Result<(Self, Starter)> {
        let master = Master::builder().max_in_flight(tasks.max(IN_FLIGHT)).build()?;
        let connection = master.connect("slave", slave).await?;
        let data = Payload::bytes(vec![7; PAYLOAD]);
        let starter = Starter { connection, data: data.clone() };
        let warm = Self { _master: master, running: Vec::with_capacity(tasks), data };
        for task in starter.start("inline", IN_FLIGHT).await? {
            warm.check(&task).await?;
        }
        Ok((warm, starter))
    }

    /// Starts so many, in lots of a thousand, and waits until all are accepted.
    pub(crate) async fn fill(&mut self, starter: &Starter, tasks: usize) -> Result<()> {
        while self.running.len() < tasks {
            let lot = IN_FLIGHT.min(tasks - self.running.len());
            self.running.extend(starter.start("gated", lot).await?);
        }
        Ok(())
    }

    /// Joins them all.
    pub(crate) async fn join(&self) -> Result<()> {
        for task in &self.running {
            self.check(task).await?;
        }
        Ok(())
    }

    async fn check(&self, task: &RunningTask) -> Result<()> {
        let outcome = task.join().await;
        if outcome.value() == Some(&self.data) {
            return Ok(());
        }
        Err(format!("a task ended otherwise: {outcome:?}").into())
    }
}

/// Starts tasks on one connection.
pub(crate) struct Starter {
    connection: selsyn::Connection,
    data: Payload,
}

impl Starter {
    async fn start(&self, function: &str, tasks: usize) -> Result<Vec<RunningTask>> {
        let start = |_| async {
            Result::Ok(self.connection.new_task(&self.data)?.function(function).start().await?)
        };
        futures_util::future::try_join_all((0..tasks).map(start)).await
    }
}
