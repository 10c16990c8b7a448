//! Raw tonic: many channels, a live bidi stream on each, that beat as our sessions do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::{Notify, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Endpoint;
use tonic::{Request, Streaming};

use super::echo::{BEATS, Codec, Message};
use crate::{DIALS, PAYLOAD, Result};

/// What may wait on a stream: an echo and an answer to a beat.
const ROOM: usize = 4;

/// Every so many beats are answered, as a master of ours does.
const ANSWERED: usize = 3;

/// Streams to one server, each on a connection of its own.
pub(crate) struct Streams {
    requests: Vec<mpsc::Sender<Message>>,
    echoes: Arc<Echoes>,
}

/// Echoes that are still to come.
#[derive(Default)]
struct Echoes {
    missing: AtomicUsize,
    all_there: Notify,
}

impl Streams {
    /// Connects so many, each of which has had its first echo.
    pub(crate) async fn connect(server: SocketAddr, count: usize) -> Result<Self> {
        let echoes = Arc::<Echoes>::default();
        let open = |_| open(server, Arc::clone(&echoes));
        let opening = stream::iter(0..count).map(open).buffer_unordered(DIALS);
        let streams = Self { requests: opening.try_collect().await?, echoes };
        streams.round().await.map(|()| streams)
    }

    /// Has one message echoed on each.
    pub(crate) async fn round(&self) -> Result<()> {
        self.echoes.missing.store(self.requests.len(), Ordering::Release);
        for requests in &self.requests {
            requests.send(Message { id: 1, data: vec![7; PAYLOAD] }).await?;
        }
        self.echoes.all_there.notified().await;
        Ok(())
    }
}

async fn open(server: SocketAddr, echoes: Arc<Echoes>) -> Result<mpsc::Sender<Message>> {
    let channel = Endpoint::from_shared(format!("http://{server}"))?.connect().await?;
    let (requests, leaving) = mpsc::channel(ROOM);
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await?;
    let (path, leaving) = (PathAndQuery::from_static(BEATS), ReceiverStream::new(leaving));
    let replies = client.streaming(Request::new(leaving), path, Codec::default()).await?;
    tokio::spawn(read(replies.into_inner(), requests.clone(), echoes));
    Ok(requests)
}

/// Reads one stream to its end. A stream that breaks shows as a round that does not end.
async fn read(
    mut replies: Streaming<Message>,
    requests: mpsc::Sender<Message>,
    echoes: Arc<Echoes>,
) -> Result<()> {
    let mut beats = 0_usize;
    while let Some(message) = replies.message().await? {
        if message.data.is_empty() {
            beats += 1;
            if beats.is_multiple_of(ANSWERED) {
                requests.send(Message::default()).await?;
            }
        } else if echoes.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            echoes.all_there.notify_one();
        }
    }
    Ok(())
}
