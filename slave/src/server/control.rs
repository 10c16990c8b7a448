//! Answers tools that ask about the slave.

use std::sync::Arc;

use selsyn_common::proto::{InfoReply, InfoRequest, ListFunctionsReply, ListFunctionsRequest};
use selsyn_common::wire::WireId;
use tonic::{Request, Response, Status};

use crate::core::Core;
use crate::generated::control_server::Control;

/// Reads the slave's tables; touches no session.
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
        let core = &self.core;
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (running, queued, draining) = {
            let admission = core.admission();
            (count(admission.running()), count(admission.queued()), admission.is_draining())
        };
        Ok(Response::new(InfoReply {
            slave_id: core.slave_id.to_wire(),
            boot_id: core.boot_id.to_wire(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            limits: Some(core.limits()),
            running,
            queued,
            sessions: count(core.sessions.len()),
            draining,
        }))
    }

    async fn list_functions(
        &self,
        _: Request<ListFunctionsRequest>,
    ) -> Result<Response<ListFunctionsReply>, Status> {
        let functions = self.core.registry.list();
        Ok(Response::new(ListFunctionsReply { functions }))
    }
}
