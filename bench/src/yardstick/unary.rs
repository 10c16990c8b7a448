//! Raw tonic unary: each task a call, which is a stream of its own.

use std::net::SocketAddr;

use tonic::Request;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};

use super::echo::{Codec, Message, Tuning, UNARY, WIDE};
use crate::rounds::share;
use crate::{PAYLOAD, Result};

/// A channel whose calls are echoed.
#[derive(Clone)]
pub(crate) struct Unary {
    channel: Channel,
    data: Vec<u8>,
}

impl Unary {
    pub(crate) async fn connect(server: SocketAddr) -> Result<Self> {
        Self::with(server, Tuning::Default, PAYLOAD).await
    }

    /// Connects, for payloads of so many bytes.
    pub(crate) async fn with(server: SocketAddr, tuning: Tuning, bytes: usize) -> Result<Self> {
        let mut endpoint = Endpoint::from_shared(format!("http://{server}"))?;
        if tuning == Tuning::Wide {
            let [stream, connection, frame] = WIDE;
            endpoint = endpoint
                .initial_stream_window_size(stream)
                .initial_connection_window_size(connection)
                .max_frame_size(frame);
        }
        Ok(Self { channel: endpoint.connect().await?, data: vec![7; bytes] })
    }

    /// Makes one call.
    pub(crate) async fn call(&self) -> Result<()> {
        let client = tonic::client::Grpc::new(self.channel.clone());
        let mut client = client.max_decoding_message_size(usize::MAX);
        client.ready().await?;
        let (path, message) =
            (PathAndQuery::from_static(UNARY), Message { id: 1, data: self.data.clone() });
        let reply = client.unary(Request::new(message), path, Codec::default()).await?;
        if reply.into_inner().data == self.data { Ok(()) } else { Err("another echo".into()) }
    }

    /// Makes so many calls, so many of them in flight, a tokio task awaiting each.
    pub(crate) async fn run(&self, calls: usize, in_flight: usize) -> Result<()> {
        let one = |calls| {
            let unary = self.clone();
            async move {
                for _ in 0..calls {
                    unary.call().await?;
                }
                Ok(())
            }
        };
        share(calls, in_flight, one).await
    }
}
