//! Small tasks on one connection, each joined, its result checked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use selsyn::{Connection, Master, Outcome, Payload, RunningTask, StartError};

use crate::rounds::share;
use crate::{PAYLOAD, Result};

/// A connection and the function that its tasks run.
#[derive(Clone)]
pub(crate) struct Small {
    /// A master that is dropped takes its connections with it, when nobody holds them.
    _master: Option<Master>,
    connection: Connection,
    function: &'static str,
    data: Payload,
}

impl Small {
    pub(crate) async fn connect(slave: SocketAddr, function: &'static str) -> Result<Self> {
        let master = Master::new()?;
        let connection = master.connect("slave", slave).await?;
        Ok(Self { _master: Some(master), ..Self::on(&connection, function) })
    }

    /// Tasks on a connection that is there.
    pub(crate) fn on(connection: &Connection, function: &'static str) -> Self {
        let (connection, data) = (connection.clone(), Payload::bytes(vec![7; PAYLOAD]));
        Self { _master: None, connection, function, data }
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

    /// Runs tasks until it is over, so many in flight; gives how many.
    pub(crate) async fn until(&self, over: &Arc<AtomicBool>, in_flight: usize) -> Result<usize> {
        let done = Arc::new(AtomicUsize::new(0));
        let one = |_| {
            let (small, over, done) = (self.clone(), Arc::clone(over), Arc::clone(&done));
            async move {
                while !over.load(Ordering::Acquire) {
                    small.task().await?;
                    done.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            }
        };
        share(in_flight, in_flight, one).await?;
        Ok(done.load(Ordering::Relaxed))
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
