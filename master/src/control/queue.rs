//! What waits for a slot: told, moved and dropped.

use std::time::Duration;

use selsyn_common::proto::{
    self, DropQueuedRequest, ListQueueReply, ListQueueRequest, MoveQueuedRequest,
};
use selsyn_common::wire::WireError;
use selsyn_common::{ExecutionId, ExecutionInfo};

use super::line::Ask;
use super::{Control, ControlError};

/// Executions that are listed.
const LISTED: u32 = 10_000;

/// An execution that waits for a slot.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct QueuedExecution {
    /// What the slave says of it.
    pub execution: ExecutionInfo,
    /// Its place in its line, from 0: those of its owner that wait for the same kind of slot. Owners
    /// take turns, so that it says nothing of other lines.
    pub position: u32,
    /// It waits for a slot of blocking functions.
    pub blocking: bool,
}

impl TryFrom<proto::QueuedExecution> for QueuedExecution {
    type Error = WireError;

    fn try_from(wire: proto::QueuedExecution) -> Result<Self, WireError> {
        let execution = wire.execution.ok_or(WireError::missing("QueuedExecution", "execution"))?;
        let (position, blocking) = (wire.position, wire.blocking);
        Ok(Self { execution: execution.try_into()?, position, blocking })
    }
}

/// Where in its line an execution shall wait (bluesky: `pos_dest`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueuePosition {
    /// It is the next one of its line.
    Front,
    /// Behind all that wait now.
    Back,
    /// At this place, from 0; one behind the last means the last.
    At(u32),
}

impl From<u32> for QueuePosition {
    fn from(position: u32) -> Self {
        Self::At(position)
    }
}

impl Control {
    /// What waits for a slot, the next one first; the first 10,000, or 2 MB of them, of all that
    /// [`queue_length`](Self::queue_length) counts. Async functions and blocking ones, which have slots
    /// of their own, are told by turns.
    ///
    /// # Errors
    ///
    /// As for [`functions`](Self::functions).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn queue(&self) -> Result<Vec<QueuedExecution>, ControlError> {
        let reply = self.list_queue(LISTED).await?;
        reply.waiting.into_iter().map(|waiting| self.read(waiting)).collect()
    }

    /// How many executions wait for a slot, of all owners, those that [`queue`](Self::queue) does not
    /// list among them.
    ///
    /// # Errors
    ///
    /// As for [`functions`](Self::functions).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop.
    pub async fn queue_length(&self) -> Result<u64, ControlError> {
        // 0 would ask for many.
        Ok(self.list_queue(1).await?.total)
    }

    async fn list_queue(&self, limit: u32) -> Result<ListQueueReply, ControlError> {
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.list_queue(it).await });
        self.call(None, Duration::ZERO, ListQueueRequest { limit }, ask).await
    }

    /// Gives an execution that waits for a slot another place in its line; says which it has then.
    ///
    /// # Errors
    ///
    /// [`ControlError::NotQueued`] when it runs; [`ControlError::AlreadyTerminal`] when it has ended;
    /// otherwise as for [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the wish on its way.
    pub async fn move_queued(
        &self,
        id: ExecutionId,
        position: impl Into<QueuePosition>,
    ) -> Result<QueuedExecution, ControlError> {
        let position = match position.into() {
            QueuePosition::Front => 0,
            QueuePosition::At(position) => position,
            QueuePosition::Back => u32::MAX,
        };
        let request = MoveQueuedRequest { execution: Some(id.into()), position };
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.move_queued(it).await });
        let moved = self.call(Some(id), Duration::ZERO, request, ask).await?;
        self.read(moved)
    }

    /// Ends an execution that waits for a slot: ABORTED, without having run, as whoever waits for it
    /// hears. One that runs is left alone, unlike with [`stop`](Self::stop).
    ///
    /// # Errors
    ///
    /// As for [`move_queued`](Self::move_queued).
    ///
    /// # Cancel safety
    ///
    /// As for [`move_queued`](Self::move_queued).
    pub async fn drop_queued(&self, id: ExecutionId) -> Result<ExecutionInfo, ControlError> {
        let request = DropQueuedRequest { execution: Some(id.into()) };
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.drop_queued(it).await });
        let dropped = self.call(Some(id), Duration::ZERO, request, ask).await?;
        self.read(dropped)
    }
}
