//! Many connections of one master, a task on each.

use std::net::SocketAddr;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use selsyn::{Connection, Master, Payload};

use crate::rounds::all;
use crate::{DIALS, PAYLOAD, Result};

/// Connections of one master.
pub(crate) struct Slaves {
    _master: Master,
    connections: Vec<Connection>,
    data: Payload,
}

impl Slaves {
    /// Connects so many, each of which has had its first task.
    pub(crate) async fn connect(slave: SocketAddr, count: usize) -> Result<Self> {
        let master = Master::new()?;
        let dial = |n| master.connect(format!("slave-{n}"), slave).into_future();
        let dialling = stream::iter(0..count).map(dial).buffer_unordered(DIALS);
        let connections = dialling.try_collect().await?;
        let slaves = Self { _master: master, connections, data: Payload::bytes(vec![7; PAYLOAD]) };
        slaves.round().await.map(|()| slaves)
    }

    /// Runs one task on each, all at once.
    pub(crate) async fn round(&self) -> Result<()> {
        let one = |connection: &Connection| {
            let (connection, data) = (connection.clone(), self.data.clone());
            async move {
                let task = connection.new_task(&data)?.function("inline");
                let outcome = task.start().await?.join().await;
                if outcome.value() == Some(&data) { Ok(()) } else { Err("another end".into()) }
            }
        };
        all(self.connections.iter().map(one)).await
    }
}
