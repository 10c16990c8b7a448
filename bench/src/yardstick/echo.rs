//! Serves raw tonic echoes, unary and bidirectional, written by hand as codegen would.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use futures_util::StreamExt;
use futures_util::future::{BoxFuture, Ready, ready};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
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
            let mut grpc = Grpc::new(Codec::default());
            Ok(match request.uri().path() {
                BIDI => grpc.streaming(Self, request).await,
                _ => grpc.unary(Self, request).await,
            })
        })
    }
}

/// Serves the echo in the background; gives its address.
pub(crate) async fn serve() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let incoming = TcpListenerStream::new(listener).map(|stream| {
        let stream = stream?;
        stream.set_nodelay(true)?;
        io::Result::Ok(stream)
    });
    tokio::spawn(Server::builder().add_service(Echo).serve_with_incoming(incoming));
    Ok(address)
}
