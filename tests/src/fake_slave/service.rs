//! tonic's side of a fake slave: one path, written by hand, as the stubs belong to the slave.

use std::convert::Infallible;
use std::future::{Ready, ready};

use selsyn_common::link::batch::Batch;
use selsyn_common::proto::{FromMaster, FromSlave};
use selsyn_testing::PipeListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Context, Poll, Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::FakeSession;

type Opened = mpsc::UnboundedSender<FakeSession>;

/// Serves until it is dropped.
pub(super) async fn serve(listener: PipeListener, opened: Opened) {
    let served = Server::builder().add_service(Interaction(opened)).serve_with_incoming(listener);
    served.await.expect("a pipe does not fail to accept");
}

/// The service `selsyn.v1.Interaction`.
#[derive(Clone)]
struct Interaction(Opened);

impl NamedService for Interaction {
    const NAME: &'static str = "selsyn.v1.Interaction";
}

impl Service<http::Request<Body>> for Interaction {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = Session(self.0.clone());
        Box::pin(async move {
            if request.uri().path() != "/selsyn.v1.Interaction/Session" {
                return Ok(Status::unimplemented("a fake slave has sessions only").into_http());
            }
            let mut grpc = Grpc::new(ProstCodec::<Batch<FromSlave>, Batch<FromMaster>>::default())
                .max_decoding_message_size(usize::MAX);
            Ok(grpc.streaming(method, request).await)
        })
    }
}

/// The method `Session`: answers at once, as a slave does, and leaves the rest to the test.
struct Session(Opened);

impl StreamingService<Batch<FromMaster>> for Session {
    type Response = Batch<FromSlave>;
    type ResponseStream = UnboundedReceiverStream<Result<Batch<FromSlave>, Status>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<Batch<FromMaster>>>) -> Self::Future {
        // The test decides what is sent, and so how much.
        let (outgoing, frames) = mpsc::unbounded_channel();
        let session = FakeSession::new(request.into_inner(), outgoing);
        if self.0.send(session).is_err() {
            return ready(Err(Status::unavailable("the fake slave is gone")));
        }
        ready(Ok(Response::new(UnboundedReceiverStream::new(frames))))
    }
}
