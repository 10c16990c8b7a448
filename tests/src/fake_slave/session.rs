//! One stream of a fake slave: what came, and what is said.

use std::collections::VecDeque;
use std::fmt;

use selsyn_common::link::Frame as _;
use selsyn_common::link::batch::Batch;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave};
use selsyn_testing::expect;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

/// A stream that a master has opened, with the test at its other end. Dropping it ends the stream.
///
/// Frames sent by [`send`](Self::send) are numbered and acknowledge what was read, as the rules
/// of the stream demand; [`send_raw`](Self::send_raw) breaks any rule.
pub struct FakeSession {
    incoming: Streaming<Batch<FromMaster>>,
    outgoing: mpsc::UnboundedSender<Result<Batch<FromSlave>, Status>>,
    /// Frames of the last batch that were not looked at yet.
    read: VecDeque<(u64, FromMaster)>,
    sent: u64,
    received: u64,
}

impl FakeSession {
    pub(super) fn new(
        incoming: Streaming<Batch<FromMaster>>,
        outgoing: mpsc::UnboundedSender<Result<Batch<FromSlave>, Status>>,
    ) -> Self {
        Self { incoming, outgoing, read: VecDeque::new(), sent: 0, received: 0 }
    }

    /// The next frame as it came, heartbeats too; `None` when the master has ended the stream.
    ///
    /// # Panics
    ///
    /// When neither comes in time.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn next_raw(&mut self) -> Option<FromMaster> {
        while self.read.is_empty() {
            let read = expect::soon("a frame of the master", self.incoming.message()).await;
            // A stream that is cut is one that has ended.
            let incoming = read.ok().flatten()?.into_incoming().ok()?;
            self.read.extend(incoming);
        }
        let (number, frame) = self.read.pop_front()?;
        self.received = self.received.max(number);
        Some(frame)
    }

    /// What the next frame says, heartbeats apart.
    ///
    /// # Panics
    ///
    /// When none comes in time, or the stream has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn next(&mut self) -> from_master::Frame {
        loop {
            let frame = self.next_raw().await;
            match frame.expect("the stream is open").frame {
                None | Some(from_master::Frame::Heartbeat(_)) => {}
                Some(frame) => return frame,
            }
        }
    }

    /// The next frame, which must be a Hello.
    ///
    /// # Panics
    ///
    /// When it does not come in time, or is none.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn hello(&mut self) -> proto::Hello {
        match self.next().await {
            from_master::Frame::Hello(hello) => *hello,
            other => panic!("expected Hello, and got {other:?}"),
        }
    }

    /// The next frame, which must be a Start.
    ///
    /// # Panics
    ///
    /// When it does not come in time, or is none.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn start(&mut self) -> proto::Start {
        match self.next().await {
            from_master::Frame::Start(start) => start,
            other => panic!("expected Start, and got {other:?}"),
        }
    }

    /// Says something, numbered as it must be.
    pub fn send(&mut self, frame: from_slave::Frame) {
        let frame = FromSlave { frame: Some(frame) };
        let number = if frame.is_numbered() {
            self.sent += 1;
            self.sent
        } else {
            0
        };
        self.send_raw(Batch::numbered(number, vec![frame]).with_ack(self.received));
    }

    /// Sends a batch as it is, whatever the rules say. It counts as none of [`Self::send`]'s.
    pub fn send_raw(&self, batch: Batch<FromSlave>) {
        // The master may have gone: the test sees it where it reads.
        let _ = self.outgoing.send(Ok(batch));
    }

    /// Ends the stream with a gRPC status.
    pub fn fail(self, status: Status) {
        let _ = self.outgoing.send(Err(status));
    }
}

impl fmt::Debug for FakeSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSession")
            .field("sent", &self.sent)
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}
