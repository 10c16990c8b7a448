//! tonic's side of a session: hands the streams over, and nothing else.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use selsyn_common::link::batch::Batch;
use selsyn_common::link::outbox::StreamEnd;
use selsyn_common::proto::{FromMaster, FromSlave};
use tokio::sync::oneshot::{self, error::TryRecvError};
use tokio::task::yield_now;
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};

use crate::core::Core;
use crate::generated::interaction_server::Interaction;
use crate::session::{self, Opening};

/// How often other tasks get their turn before the head of a response leaves alone.
const TURNS: usize = 3;

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
    type SessionStream = Outgoing;

    async fn session(
        &self,
        request: Request<Streaming<Batch<FromMaster>>>,
    ) -> Result<Response<Self::SessionStream>, Status> {
        let (opening, opened) = oneshot::channel();
        self.core.spawn(session::serve(Arc::clone(&self.core), request.into_inner(), opening));
        Ok(Response::new(soon(opened).await))
    }
}

/// Gives the answer to a Hello that came along with the call a moment to be ready: it then leaves
/// in one write with the head of the response. A master may wait for that head before its Hello.
async fn soon(mut opened: oneshot::Receiver<Opening>) -> Outgoing {
    for _ in 0..TURNS {
        match opened.try_recv() {
            Ok(opening) => return Outgoing::Opened(Some(opening)),
            Err(TryRecvError::Closed) => return Outgoing::Over,
            Err(TryRecvError::Empty) => yield_now().await,
        }
    }
    Outgoing::Greeting(opened)
}

/// What a stream says: the answer to Hello, then what its session has to say.
#[derive(Debug)]
pub(super) enum Outgoing {
    Greeting(oneshot::Receiver<Opening>),
    Opened(Option<Opening>),
    Open(StreamEnd<FromSlave>),
    Over,
}

impl Outgoing {
    /// Gives the answer to Hello, if there is one, and goes on with what its session has to say.
    fn open(&mut self, opened: Option<Opening>) -> Option<Batch<FromSlave>> {
        let (first, then) = opened.map(|Opening { first, then }| (first, then)).unzip();
        *self = then.flatten().map_or(Self::Over, Self::Open);
        first.map(Batch::of)
    }
}

impl Stream for Outgoing {
    type Item = Result<Batch<FromSlave>, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match &mut *self {
            Self::Open(end) => {
                if let Some(batch) = ready!(end.poll_next(cx)) {
                    return Poll::Ready(Some(Ok(batch)));
                }
                if !end.is_former() {
                    return Poll::Ready(None);
                }
                // An end in good order would say that the session is over, and all was told.
                *self = Self::Over;
                Poll::Ready(Some(Err(Status::aborted("the session goes on without this stream"))))
            }
            Self::Over => Poll::Ready(None),
            Self::Greeting(opened) => {
                let opened = ready!(Pin::new(opened).poll(cx)).ok();
                Poll::Ready(self.open(opened).map(Ok))
            }
            Self::Opened(opened) => {
                let opened = opened.take();
                Poll::Ready(self.open(opened).map(Ok))
            }
        }
    }
}
