//! A master that the test plays by hand, frame by frame.

use std::collections::VecDeque;
use std::io;

use futures_util::stream::poll_fn;
use hyper_util::rt::TokioIo;
use selsyn_common::link::batch::Batch;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave};
use selsyn_testing::{PipeDialer, expect};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Extensions, Request, Status, Streaming};
use tonic_prost::ProstCodec;

/// Bytes of an answer that may be under way unread: as hyper has it.
const STREAM_WINDOW: u32 = 2 * 1024 * 1024;

/// A stream to a slave on which the test says whatever it likes.
#[derive(Debug)]
pub struct RawMaster {
    outgoing: tokio::sync::mpsc::UnboundedSender<Batch<FromMaster>>,
    incoming: Streaming<Batch<FromSlave>>,
    /// Frames of the last batch that were not looked at yet.
    read: VecDeque<FromSlave>,
    acked: u64,
}

/// A Hello that every slave of a test takes.
pub fn hello() -> proto::Hello {
    proto::Hello {
        version_min: 1,
        version_max: 1,
        master_id: vec![1; 16].into(),
        incarnation: vec![2; 16].into(),
        connection: "raw".to_owned(),
        max_payload_bytes: 1024 * 1024,
        heartbeat_tolerance_millis: 17_000,
        ..proto::Hello::default()
    }
}

/// A start of `echo` that every slave of a test takes.
pub fn start(task: u64) -> proto::Start {
    proto::Start {
        execution: Some(execution(task)),
        function: "echo".to_owned(),
        data: Some(proto::Payload {
            kind: proto::PayloadKind::Json.into(),
            data: "1".into(),
            size: 0,
        }),
        deadline_millis: 0,
        placement: proto::Placement::Background.into(),
        ..proto::Start::default()
    }
}

/// An execution named by a number.
pub fn execution(task: u64) -> proto::ExecutionId {
    proto::ExecutionId { task_high: 7, task_low: task, attempt: 1 }
}

/// Opens a connection and makes a call that the slave does not let in; the connection stays open
/// until the channel is dropped.
///
/// # Panics
///
/// When the slave lets the call in.
pub async fn stranger(dialer: PipeDialer) -> (Channel, Status) {
    let channel = channel(dialer).await;
    let answered = RawMaster::over(&channel, MetadataMap::new()).await;
    (channel, answered.expect_err("the slave does not let it in"))
}

impl RawMaster {
    /// Opens a stream and says nothing.
    ///
    /// # Panics
    ///
    /// When the slave does not take the call.
    pub async fn connect(dialer: PipeDialer) -> Self {
        let opened = Self::over(&channel(dialer).await, MetadataMap::new()).await;
        opened.expect("the slave takes the call")
    }

    /// Opens a stream on a connection that may have others, with this metadata.
    ///
    /// # Errors
    ///
    /// What the slave answers when it does not take the call.
    ///
    /// # Panics
    ///
    /// When the connection has ended.
    pub async fn over(channel: &Channel, metadata: MetadataMap) -> Result<Self, Status> {
        let mut client = tonic::client::Grpc::new(channel.clone());
        client.ready().await.expect("the pipe is open");
        let (outgoing, mut frames) = tokio::sync::mpsc::unbounded_channel();
        let frames = poll_fn(move |cx| frames.poll_recv(cx));
        let request = Request::from_parts(metadata, Extensions::default(), frames);
        let path = PathAndQuery::from_static("/selsyn.v1.Interaction/Session");
        let codec = ProstCodec::<Batch<FromMaster>, Batch<FromSlave>>::default();
        let incoming = client.streaming(request, path, codec).await?.into_inner();
        Ok(Self { outgoing, incoming, read: VecDeque::new(), acked: 0 })
    }

    /// Opens a stream and is welcomed.
    ///
    /// # Panics
    ///
    /// When it is not.
    pub async fn welcomed(dialer: PipeDialer) -> Self {
        let mut master = Self::connect(dialer).await;
        master.say(0, from_master::Frame::Hello(hello().into()));
        let first = master.hears().await;
        assert!(matches!(first, Some(from_slave::Frame::Welcome(_))), "{first:?}");
        master
    }

    /// Sends a frame with a number of the test's choice.
    pub fn say(&self, number: u64, frame: from_master::Frame) {
        self.send(Batch::numbered(number, vec![FromMaster { frame: Some(frame) }]));
    }

    /// Sends any frames together.
    ///
    /// # Panics
    ///
    /// When the stream is closed.
    pub fn send(&self, batch: Batch<FromMaster>) {
        self.outgoing.send(batch).expect("the stream is open");
    }

    /// What the slave has acknowledged in what was read.
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// The next frame but heartbeats; `None` when the slave has ended the stream.
    pub async fn hears(&mut self) -> Option<from_slave::Frame> {
        loop {
            match self.next().await {
                Ok(Some(FromSlave { frame: Some(from_slave::Frame::Heartbeat(_)) })) => {}
                Ok(Some(frame)) => return frame.frame,
                Ok(None) | Err(_) => return None,
            }
        }
    }

    /// The next frame, whatever it is.
    ///
    /// # Errors
    ///
    /// When the stream has broken.
    ///
    /// # Panics
    ///
    /// When a batch is longer than the rules allow.
    pub async fn next(&mut self) -> Result<Option<FromSlave>, Status> {
        while self.read.is_empty() {
            let read = expect::soon("a frame of the slave", self.incoming.message()).await?;
            let Some(batch) = read else { return Ok(None) };
            self.acked = batch.ack;
            let frames = batch.into_incoming().expect("the slave keeps the rules");
            self.read.extend(frames.map(|(_, frame)| frame));
        }
        Ok(self.read.pop_front())
    }
}

/// Opens a connection, on which streams can be opened.
///
/// # Panics
///
/// When the slave is gone.
pub async fn channel(dialer: PipeDialer) -> Channel {
    channel_with(dialer, STREAM_WINDOW).await
}

/// As [`channel`], where each answer has room for so many bytes until they are read.
///
/// # Panics
///
/// When the slave is gone.
pub async fn channel_with(dialer: PipeDialer, room: u32) -> Channel {
    let connector = tower::service_fn(move |_| {
        let dialer = dialer.clone();
        async move { Ok::<_, io::Error>(TokioIo::new(dialer.dial().await?)) }
    });
    let endpoint = Endpoint::from_static("http://slave").initial_stream_window_size(room);
    endpoint.connect_with_connector(connector).await.expect("the pipe is open")
}
