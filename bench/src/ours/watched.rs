//! Tasks whose events are subscribed to, and read or never looked at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use selsyn::{Connection, ConnectionState, Events, Master, Payload, TaskEvent};

use crate::rounds::share;
use crate::{IN_FLIGHT, PAYLOAD, Result};

/// What the application does with the events of its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watching {
    /// Reads them to the last.
    Reads,
    /// Holds them and never looks.
    Ignores,
}

/// A connection whose tasks are watched.
#[derive(Clone)]
pub(crate) struct Watched {
    connection: Connection,
    data: Payload,
    losses: Arc<AtomicUsize>,
}

impl Watched {
    pub(crate) async fn connect(master: &Master, name: &str, slave: SocketAddr) -> Result<Self> {
        let connection = master.connect(name, slave).await?;
        let (losses, mut states) = (Arc::<AtomicUsize>::default(), connection.events());
        let count = Arc::clone(&losses);
        tokio::spawn(async move {
            while let Some(state) = states.next().await {
                if !matches!(state, ConnectionState::Connected | ConnectionState::Closed) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        Ok(Self { connection, data: Payload::bytes(vec![7; PAYLOAD]), losses })
    }

    /// How often the connection was other than up.
    pub(crate) fn losses(&self) -> usize {
        self.losses.load(Ordering::Relaxed)
    }

    /// Runs so many tasks, a thousand in flight.
    pub(crate) async fn run(&self, tasks: usize, watching: Watching) -> Result<()> {
        let one = |tasks| {
            let watched = self.clone();
            async move {
                let mut unread = None;
                for _ in 0..tasks {
                    // The subscription before is let go: twice a thousand are held.
                    unread = Some(watched.task(watching).await?);
                }
                drop(unread);
                Ok(())
            }
        };
        share(tasks, IN_FLIGHT, one).await
    }

    async fn task(&self, watching: Watching) -> Result<Events> {
        let task = self.connection.new_task(&self.data)?.function("inline");
        let running = task.start().await?;
        let mut events = running.events();
        if watching == Watching::Reads {
            let mut last = None;
            while let Some(event) = events.next().await {
                last = Some(event);
            }
            if !matches!(last, Some(TaskEvent::Ended(_))) {
                return Err("the events have no end".into());
            }
        }
        if running.join().await.value() != Some(&self.data) {
            return Err("a task ended otherwise".into());
        }
        Ok(events)
    }
}
