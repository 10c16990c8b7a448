//! Raw TCP in the frames our parts have: a payload leaves while its beginning comes back.

use std::net::SocketAddr;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt, stream};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use crate::Result;

/// Bytes of a frame: what a part of ours carries.
const FRAME: usize = 64 * 1024;

/// Echoes frame by frame in the background; gives its address.
pub(crate) async fn serve() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    Ok(address)
}

async fn echo(stream: TcpStream) -> Result<()> {
    let (mut frames, mut replies) = framed(stream)?;
    while let Some(frame) = frames.next().await {
        replies.send(frame?.freeze()).await?;
    }
    Ok(())
}

type Replies = FramedRead<OwnedReadHalf, LengthDelimitedCodec>;
type Frames = FramedWrite<OwnedWriteHalf, LengthDelimitedCodec>;

fn framed(stream: TcpStream) -> Result<(Replies, Frames)> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    let codec = LengthDelimitedCodec::new();
    Ok((FramedRead::new(read, codec.clone()), FramedWrite::new(write, codec)))
}

/// A connection whose frames are echoed.
pub(crate) struct Tcp {
    stream: Mutex<(Replies, Frames)>,
    data: Bytes,
}

impl Tcp {
    pub(crate) async fn connect(server: SocketAddr, bytes: usize) -> Result<Self> {
        let stream = Mutex::new(framed(TcpStream::connect(server).await?)?);
        Ok(Self { stream, data: vec![7; bytes].into() })
    }

    /// Sends a payload there and back.
    pub(crate) async fn call(&self) -> Result<()> {
        let mut connection = self.stream.lock().await;
        let (replies, sink) = &mut *connection;
        let data = &self.data;
        let frames = (0..data.len()).step_by(FRAME);
        let frames = frames.map(|from| Ok(data.slice(from..data.len().min(from + FRAME))));
        let mut frames = stream::iter(frames);
        let there = sink.send_all(&mut frames);
        let back = async {
            let mut missing = self.data.len();
            while missing > 0 {
                let frame = replies.next().await.ok_or("the connection has ended")??;
                missing = missing.checked_sub(frame.len()).ok_or("the echo is longer")?;
            }
            Result::Ok(())
        };
        let (there, back) = futures_util::join!(there, back);
        there?;
        back
    }
}
