//! Makes the byte stream to a slave, and a gRPC channel over it.

use std::any::Any;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use selsyn_common::Endpoint;
use selsyn_common::link::HTTP2_FRAME_BYTES;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tonic::body::Body;
use tonic::codegen::http::header::{HeaderValue, USER_AGENT};
use tonic::codegen::http::uri::{Authority, Scheme, Uri};
use tonic::codegen::{Service, http};
use tracing::debug;

use crate::delivery::panic_message;
use crate::hooks::Boxed;

/// Any byte stream.
pub(crate) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}
pub(crate) type BoxedIo = Pin<Box<dyn Io>>;

/// What calls say of who makes them.
const AGENT: &str = concat!("selsyn/", env!("CARGO_PKG_VERSION"));

/// Makes a byte stream, each time it is called.
pub(crate) type Dial = Arc<dyn Fn() -> Boxed<io::Result<BoxedIo>> + Send + Sync>;

/// h2 drops a connection whose unread small frames use up half of the connection window, so that
/// one is large and the stream's is small; neither is ever adaptive.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 40 * 1024 * 1024;
/// Above the heartbeat tolerance: the heartbeat is to notice first, and to keep the session.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// A client that lives long and drops streams needs more room than a server.
const MAX_LOCAL_RESETS: usize = 4_096;

/// Erases the type of a user's way to dial.
pub(crate) fn custom<F, Fut, IO>(dial: F) -> Dial
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = io::Result<IO>> + Send + 'static,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let dial = Arc::new(dial);
    Arc::new(move || {
        let dial = Arc::clone(&dial);
        let dialling = AssertUnwindSafe(async move { dial().await }).catch_unwind();
        Box::pin(async move {
            let panicked = |panic: Box<dyn Any + Send>| {
                let message = panic_message(panic.as_ref());
                Err(io::Error::other(format!("the dial panicked: {message}")))
            };
            Ok(Box::pin(dialling.await.unwrap_or_else(panicked)?) as BoxedIo)
        })
    })
}

/// Dials TCP.
pub(crate) fn tcp(endpoint: &Endpoint) -> Dial {
    let target = (endpoint.host().to_owned(), endpoint.port());
    custom(move || {
        let target = target.clone();
        async move {
            let stream = TcpStream::connect(target).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
    })
}

/// Carries calls over one byte stream. It never dials again by itself, as tonic's own channel can: a
/// second byte stream would be a second session that nobody greeted.
#[derive(Clone, Debug)]
pub(crate) struct Channel(SendRequest<Body>);

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Boxed<Result<Self::Response, hyper::Error>>;

    /// It takes any call: one over a stream that has broken fails by itself, and says why.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        // Who answers was decided when the stream was dialled, but HTTP/2 wants a name.
        let mut uri = std::mem::take(request.uri_mut()).into_parts();
        uri.scheme = Some(Scheme::HTTP);
        uri.authority = Some(Authority::from_static("slave"));
        *request.uri_mut() = Uri::from_parts(uri).expect("a call has a path");
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        Box::pin(self.0.send_request(request))
    }
}

/// Dials once and speaks HTTP/2 over it.
pub(crate) async fn channel(
    dial: &Dial,
) -> Result<Channel, Box<dyn std::error::Error + Send + Sync>> {
    let io = TokioIo::new(dial().await?);
    let (slave, connection) = Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(HTTP2_FRAME_BYTES)
        .adaptive_window(false)
        .keep_alive_interval(KEEPALIVE_EVERY)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .max_header_list_size(MAX_HEADER_BYTES)
        .max_local_error_reset_streams(Some(MAX_LOCAL_RESETS))
        .handshake(io)
        .await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            debug!("a connection ended: {error:?}");
        }
    });
    Ok(Channel(slave))
}

/// A number between 0 and 1, for jitter: the middle when there are no random bytes.
pub(super) fn random() -> f64 {
    let mut bytes = [0; 4];
    match getrandom::fill(&mut bytes) {
        Ok(()) => f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX),
        Err(_) => 0.5,
    }
}
