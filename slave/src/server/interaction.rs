//! tonic's side of a session: hands the stream over, and nothing else.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{StreamExt, poll_fn};
use selsyn_common::link::outbox::Outbox;
use selsyn_common::proto::{FromMaster, FromSlave};
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::core::Core;
use crate::generated::interaction_server::Interaction;
use crate::session;

/// Frames that may wait for one master: for each task it may have here an acceptance and a
/// verdict, and as many again for refusals. A master that lets more wait does not read.
const MAX_CONTROL_FRAMES: usize = 500_000;

/// Opens sessions.
#[derive(Debug)]
pub(super) struct Service {
    core: Arc<Core>,
}

impl Service {
    pub(super) const fn new(core: Arc<Core>) -> Self {
        Self { core }
    }
}

#[tonic::async_trait]
impl Interaction for Service {
    type SessionStream = Pin<Box<dyn Stream<Item = Result<FromSlave, Status>> + Send>>;

    async fn session(
        &self,
        request: Request<Streaming<FromMaster>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let outbox = Outbox::new(MAX_CONTROL_FRAMES);
        let outgoing = outbox.clone();
        let core = Arc::clone(&self.core);
        self.core.spawn(session::serve(core, request.into_inner(), outbox));
        let frames = poll_fn(move |cx| outgoing.poll_next(cx)).map(Ok);
        Ok(Response::new(Box::pin(frames)))
    }
}
