//! Large payloads there and back, one after another.

use std::net::SocketAddr;

use selsyn::{Connection, Master, Payload};

use crate::Result;

/// A connection, and the payload that its tasks carry.
pub(crate) struct Bulk {
    _master: Master,
    connection: Connection,
    data: Payload,
}

impl Bulk {
    pub(crate) async fn connect(slave: SocketAddr, bytes: usize) -> Result<Self> {
        let master = Master::new()?;
        let connection = master.connect("slave", slave).await?;
        Ok(Self { _master: master, connection, data: Payload::bytes(vec![7; bytes]) })
    }

    /// The connection, for what else it shall carry.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Sends the payload there and back.
    pub(crate) async fn task(&self) -> Result<()> {
        let task = self.connection.new_task(&self.data)?.function("inline");
        let outcome = task.start().await?.join().await;
        if outcome.value().map(Payload::len) == Some(self.data.len()) {
            return Ok(());
        }
        Err(format!("a task ended otherwise: {outcome:?}").into())
    }
}
