//! Everything between the socket and the sessions: tonic, with its unsafe defaults set.

mod control;
mod gate;
mod guarded;
mod health;
mod incoming;
mod interaction;
mod page;
mod reflection;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::link::{HTTP2_FRAME_BYTES, MAX_FRAME_BYTES};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tower::layer::layer_fn;

use crate::core::Core;
use crate::error::ServeError;
use crate::generated::control_server::ControlServer;
use crate::generated::interaction_server::InteractionServer;

pub(crate) use guarded::Guarded;
pub(crate) use incoming::{Taken, accept, guard, listen};

/// The header that carries the row of the table of codes.
const CODE_HEADER: &str = "selsyn-code";

/// Streams of one connection: a master needs one, tools a few.
const MAX_STREAMS: u32 = 128;
/// tonic would otherwise lift the limit on resets altogether.
const MAX_LOCAL_RESETS: usize = 1_024;
const MAX_HEADER_BYTES: u32 = 16 * 1024;
/// Most bytes of one call of Control, the data of a start among them: what is larger goes through a
/// session, in parts.
const MAX_CALL_BYTES: usize = 4 * 1024 * 1024;
/// h2 drops a connection whose unread small frames use up half of the connection window, so that
/// one is large and the stream's is small; neither is ever adaptive.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 40 * 1024 * 1024;
/// Above the heartbeat tolerance: the heartbeat is to notice first, and to keep the session.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(20);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves connections until `stop` is cancelled and every stream has ended.
pub(crate) async fn serve<S, IO>(
    core: Arc<Core>,
    connections: S,
    stop: CancellationToken,
) -> Result<(), ServeError>
where
    S: Stream<Item = io::Result<Guarded<IO>>>,
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let limit = MAX_FRAME_BYTES;
    let sessions = InteractionServer::new(interaction::Service::new(Arc::clone(&core)))
        .max_decoding_message_size(limit)
        .max_encoding_message_size(usize::MAX);
    let control = ControlServer::new(control::Service::new(Arc::clone(&core)))
        .max_decoding_message_size(MAX_CALL_BYTES);
    let health = health::service(&core).await;
    let (reflection, former_reflection) = reflection::services();
    let routes = Routes::new(sessions)
        .add_service(control)
        .add_service(health)
        .add_service(reflection)
        .add_service(former_reflection);
    let token = core.settings.token.clone();
    Server::builder()
        // For browsers; the gate lets them come to the page alone.
        .accept_http1(true)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_local_error_reset_streams(Some(MAX_LOCAL_RESETS))
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_adaptive_window(Some(false))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(HTTP2_FRAME_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE_EVERY))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT))
        // One layer before routing: a call without a right reaches no service.
        .layer(layer_fn(move |inner| gate::Gate::new(token.clone(), inner)))
        .add_routes(with_page(routes, core))
        .serve_with_incoming_shutdown(connections, stop.cancelled_owned())
        .await
        .map_err(|error| ServeError::Transport(error.into()))
}

/// The page stands beside the calls of gRPC, on the same router.
fn with_page(mut routes: Routes, core: Arc<Core>) -> Routes {
    let router = routes.axum_router_mut();
    *router = std::mem::take(router).route(page::ROUTE, page::routes(core));
    routes
}
