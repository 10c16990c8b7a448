//! The yardstick: raw tonic unary calls that echo a payload.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt};
use selsyn_common::proto::Payload;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{Service, http};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// Echoes what it is given.
#[derive(Clone, Debug)]
struct Echo;

impl UnaryService<Payload> for Echo {
    type Response = Payload;
    type Future = std::future::Ready<Result<Response<Payload>, Status>>;

    fn call(&mut self, request: Request<Payload>) -> Self::Future {
        std::future::ready(Ok(Response::new(request.into_inner())))
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
            let codec = ProstCodec::<Payload, Payload>::default();
            Ok(Grpc::new(codec).unary(Self, request).await)
        })
    }
}

/// Serves the echo in the background; gives its address.
///
/// # Errors
///
/// When no port can be bound.
pub async fn serve() -> io::Result<SocketAddr> {
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

/// Makes `calls` calls, `in_flight` at once over one connection; gives calls a second.
///
/// # Errors
///
/// When the server cannot be reached or a call fails.
pub async fn run(
    server: SocketAddr,
    calls: usize,
    in_flight: usize,
    bytes: usize,
) -> Result<f64, Box<dyn std::error::Error + Send + Sync>> {
    let channel = Endpoint::from_shared(format!("http://{server}"))?.connect().await?;
    let payload = Payload { kind: 2, data: vec![7; bytes].into(), size: 0 };
    let begun = Instant::now();
    let all = stream::iter(0..calls).map(|_| {
        let (channel, payload) = (channel.clone(), payload.clone());
        async move {
            let mut client = tonic::client::Grpc::new(channel);
            client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
            let path = PathAndQuery::from_static("/yardstick.Echo/Call");
            let codec = ProstCodec::<Payload, Payload>::default();
            client.unary(Request::new(payload), path, codec).await
        }
    });
    let failed = all.buffer_unordered(in_flight).filter_map(|reply| async { reply.err() });
    if let Some(status) = std::pin::pin!(failed).next().await {
        return Err(status.into());
    }
    Ok(calls as f64 / begun.elapsed().as_secs_f64())
}
