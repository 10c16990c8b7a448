//! Serves raw tonic echoes, unary and bidirectional, written by hand as codegen would.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, Ready, ready};
use futures_util::stream::{self, BoxStream};
use tokio::net::TcpSocket;
use tokio::time::{Instant, interval_at};
use tokio_stream::wrappers::{IntervalStream, TcpListenerStream};
use tonic::body::Body;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, StreamingService, UnaryService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// The one message: which task, and its payload, in the types that codegen gives by default.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Message {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) data: Vec<u8>,
}

/// Where the unary method is.
pub(crate) const UNARY: &str = "/yardstick.Echo/Unary";
/// Where the bidirectional method is.
pub(crate) const BIDI: &str = "/yardstick.Echo/Bidi";

/// Where the method is that beats as our sessions do, beside echoing.
pub(crate) const BEATS: &str = "/yardstick.Echo/Beats";

/// Pause between two beats: our default.
const BEAT: Duration = Duration::from_secs(3);

/// Connections that may wait to be accepted, as a slave of ours has them: with fewer, the time in
/// which many connect is that of repeated SYNs.
const BACKLOG: u32 = 4_096;

/// How a server and its channels are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tuning {
    Default,
    /// Windows and frames for payloads of a mebibyte and more.
    Wide,
}

/// Stream and connection windows, and frames, of the wide tuning, in bytes.
pub(crate) const WIDE: [u32; 3] = [16 << 20, 32 << 20, 1 << 20];

/// Encodes and decodes the one message.
pub(crate) type Codec = ProstCodec<Message, Message>;

/// Echoes what it is given.
#[derive(Clone, Debug)]
struct Echo;

impl UnaryService<Message> for Echo {
    type Response = Message;
    type Future = Ready<Result<Response<Message>, Status>>;

    fn call(&mut self, request: Request<Message>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

/// The response stream is the request stream.
impl StreamingService<Message> for Echo {
    type Response = Message;
    type ResponseStream = Streaming<Message>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Message>>) -> Self::Future {
        ready(Ok(Response::new(request.into_inner())))
    }
}

/// Echoes what has data, and sends a message without any every few seconds.
#[derive(Clone, Debug)]
struct Beats;

impl StreamingService<Message> for Beats {
    type Response = Message;
    type ResponseStream = BoxStream<'static, Result<Message, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Message>>) -> Self::Future {
        let echo = |message: Result<Message, Status>| async move {
            message
                .map(|message| Some(message).filter(|message| !message.data.is_empty()))
                .transpose()
        };
        let replies = request.into_inner().filter_map(echo);
        let beats = IntervalStream::new(interval_at(Instant::now() + BEAT, BEAT));
        let beats = beats.map(|_| Ok(Message::default()));
        ready(Ok(Response::new(stream::select(replies, beats).boxed())))
    }
}

impl NamedService for Echo {
    const NAME: &'static str = "yardstick.Echo";
}

impl Service<http::Request<Body>> for Echo {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            let mut grpc = Grpc::new(Codec::default()).max_decoding_message_size(usize::MAX);
            Ok(match request.uri().path() {
                BEATS => grpc.streaming(Beats, request).await,
                BIDI => grpc.streaming(Self, request).await,
                _ => grpc.unary(Self, request).await,
            })
        })
    }
}

/// Serves the echo in the background; gives its address.
pub(crate) async fn serve(tuning: Tuning) -> io::Result<SocketAddr> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let incoming = TcpListenerStream::new(listener).map(|stream| {
        let stream = stream?;
        stream.set_nodelay(true)?;
        io::Result::Ok(stream)
    });
    let mut server = Server::builder();
    if tuning == Tuning::Wide {
        let [stream, connection, frame] = WIDE;
        server = server
            .initial_stream_window_size(stream)
            .initial_connection_window_size(connection)
            .max_frame_size(frame);
    }
    tokio::spawn(server.add_service(Echo).serve_with_incoming(incoming));
    Ok(address)
}
