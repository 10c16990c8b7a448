//! Answers tools that ask about the slave and its executions. Touches no session.

mod answer;
mod describe;
mod environment;
mod execution;
mod input;
mod list;
mod logview;
mod page;
mod parts;
mod queue;
mod start;

use std::pin::Pin;
use std::sync::Arc;

use selsyn_common::proto::{
    ChangeEnvironmentRequest, DropQueuedRequest, ExecutionExistsReply, ExecutionExistsRequest,
    ExecutionInfo, GetExecutionRequest, InfoReply, InfoRequest, ListExecutionsReply,
    ListExecutionsRequest, ListFunctionsReply, ListFunctionsRequest, ListPartsReply,
    ListPartsRequest, ListQueueReply, ListQueueRequest, Logview, MakeLogviewRequest,
    MoveQueuedRequest, Outcome, QueuedExecution, ResultRequest, RevokeLogviewsReply,
    RevokeLogviewsRequest, SendInputReply, SendInputRequest, StartRequest, StopExecutionRequest,
    WatchRequest,
};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use crate::core::Core;
use crate::generated::control_server::Control;
use crate::records::EventBytes;

/// Reads the slave's tables, and acts through admission and executor as a session does.
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
impl Control for Service {
    async fn info(&self, _: Request<InfoRequest>) -> Result<Response<InfoReply>, Status> {
        Ok(Response::new(environment::info(&self.core)))
    }

    async fn change_environment(
        &self,
        request: Request<ChangeEnvironmentRequest>,
    ) -> Result<Response<InfoReply>, Status> {
        environment::change(&self.core, &request.into_inner()).await.map(Response::new)
    }

    async fn list_functions(
        &self,
        _: Request<ListFunctionsRequest>,
    ) -> Result<Response<ListFunctionsReply>, Status> {
        let functions = self.core.registry.list();
        Ok(Response::new(ListFunctionsReply { functions }))
    }

    async fn start(
        &self,
        request: Request<StartRequest>,
    ) -> Result<Response<ExecutionInfo>, Status> {
        start::start(&self.core, request.into_inner()).await.map(Response::new)
    }

    async fn list_executions(
        &self,
        request: Request<ListExecutionsRequest>,
    ) -> Result<Response<ListExecutionsReply>, Status> {
        list::list(&self.core, request.into_inner()).await.map(Response::new)
    }

    async fn get_execution(
        &self,
        request: Request<GetExecutionRequest>,
    ) -> Result<Response<ExecutionInfo>, Status> {
        let record = execution::find(&self.core, request.into_inner().execution)?;
        Ok(Response::new(describe::execution(&self.core, &record)))
    }

    async fn execution_exists(
        &self,
        request: Request<ExecutionExistsRequest>,
    ) -> Result<Response<ExecutionExistsReply>, Status> {
        execution::exists(&self.core, request.into_inner().execution).map(Response::new)
    }

    async fn stop_execution(
        &self,
        request: Request<StopExecutionRequest>,
    ) -> Result<Response<ExecutionInfo>, Status> {
        execution::stop(&self.core, request.into_inner()).map(Response::new)
    }

    async fn list_queue(
        &self,
        request: Request<ListQueueRequest>,
    ) -> Result<Response<ListQueueReply>, Status> {
        Ok(Response::new(queue::list(&self.core, request.get_ref())))
    }

    async fn move_queued(
        &self,
        request: Request<MoveQueuedRequest>,
    ) -> Result<Response<QueuedExecution>, Status> {
        queue::move_to(&self.core, request.get_ref()).map(Response::new)
    }

    async fn drop_queued(
        &self,
        request: Request<DropQueuedRequest>,
    ) -> Result<Response<ExecutionInfo>, Status> {
        queue::drop(&self.core, request.get_ref()).map(Response::new)
    }

    async fn send_input(
        &self,
        request: Request<SendInputRequest>,
    ) -> Result<Response<SendInputReply>, Status> {
        input::send(&self.core, request.into_inner()).await.map(Response::new)
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<EventBytes, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<WatchRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let events = execution::watch(&self.core, request.into_inner())?;
        Ok(Response::new(Box::pin(events)))
    }

    async fn list_parts(
        &self,
        request: Request<ListPartsRequest>,
    ) -> Result<Response<ListPartsReply>, Status> {
        parts::list(&self.core, &request.into_inner()).map(Response::new)
    }

    async fn result(&self, request: Request<ResultRequest>) -> Result<Response<Outcome>, Status> {
        execution::result(&self.core, request.into_inner()).await.map(Response::new)
    }

    async fn make_logview(
        &self,
        request: Request<MakeLogviewRequest>,
    ) -> Result<Response<Logview>, Status> {
        logview::make(&self.core, request.get_ref()).map(Response::new)
    }

    async fn revoke_logviews(
        &self,
        request: Request<RevokeLogviewsRequest>,
    ) -> Result<Response<RevokeLogviewsReply>, Status> {
        logview::revoke(&self.core, request.get_ref()).map(Response::new)
    }
}
