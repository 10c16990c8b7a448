//! Small tasks on one connection, each joined, its result checked.

use std::net::SocketAddr;

use selsyn::{Connection, Master, Outcome, Payload, RunningTask, StartError};

use crate::rounds::share;
use crate::{PAYLOAD, Result};

/// A connection and the function that its tasks run.
#[derive(Clone)]
pub(crate) struct Small {
    /// A master that is dropped takes its connections with it.
    _master: Master,
    connection: Connection,
    function: &'static str,
    data: Payload,
}

impl Small {
    pub(crate) async fn connect(slave: SocketAddr, function: &'static str) -> Result<Self> {
        let master = Master::new()?;
        let connection = master.connect("slave", slave).await?;
        let data = Payload::bytes(vec![7; PAYLOAD]);
        Ok(Self { _master: master, connection, function, data })
    }

    /// Runs one task to its end.
    pub(crate) async fn task(&self) -> Result<()> {
        self.check(&self.start().await?.join().await)
    }

    /// Starts one task.
    pub(super) async fn start(&self) -> std::result::Result<RunningTask, StartError> {
        let task = self.connection.new_task(&self.data).expect("bytes need no encoding");
        task.function(self.function).start().await
    }

    pub(super) fn check(&self, outcome: &Outcome) -> Result<()> {
        if outcome.value() == Some(&self.data) {
            return Ok(());
        }
        Err(format!("a task ended otherwise: {outcome:?}").into())
    }

    /// Runs so many tasks, so many of them in flight, a tokio task awaiting each.
    pub(crate) async fn run(&self, tasks: usize, in_flight: usize) -> Result<()> {
        let one = |tasks| {
            let small = self.clone();
            async move {
                for _ in 0..tasks {
                    small.task().await?;
                }
                Ok(())
            }
        };
        share(tasks, in_flight, one).await
    }
}
