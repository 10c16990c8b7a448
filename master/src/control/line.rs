//! The way to one slave's Control: dialled when it is needed, and anew when it has broken.

use std::sync::Arc;
use std::time::Duration;

use selsyn_common::wire::WireError;
use selsyn_common::{ExecutionId, Token};
use tokio::sync::Mutex;
use tokio::time::timeout;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::{Request, Response, Status};

use super::{Control, ControlError};
use crate::config::Settings;
use crate::dispatch::dial::{self, Channel, Dial};
use crate::dispatch::greeting;
use crate::error::ConnectError;
use crate::generated::control_client::ControlClient;
use crate::hooks::Boxed;

/// What a reply may have beside a payload: a page of 10,000 executions, or a batch of events.
const BESIDE: usize = 8 * 1024 * 1024;

/// The slave, as calls see it.
pub(crate) type Slave = ControlClient<InterceptedService<Channel, Bearer>>;

/// One of the calls.
pub(crate) type Ask<R, T> = fn(Slave, R) -> Boxed<Result<Response<T>, Status>>;

/// Adds the token to every call.
#[derive(Clone)]
pub(crate) struct Bearer(Option<Token>);

impl Interceptor for Bearer {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        Ok(greeting::with_token(self.0.as_ref(), request))
    }
}

/// A way to the slave. Clones share it.
#[derive(Clone)]
pub(super) struct Line(Arc<Shared>);

struct Shared {
    address: String,
    dial: Dial,
    bearer: Bearer,
    max_reply: usize,
    state: Mutex<Dialled>,
}

/// What was dialled last, and how often was dialled.
#[derive(Default)]
struct Dialled {
    slave: Option<Slave>,
    dials: u64,
}

impl Line {
    pub(super) fn new(address: String, dial: Dial, settings: &Settings) -> Self {
        let bearer = Bearer(settings.token.clone());
        let max_reply = settings.max_payload_bytes.saturating_add(BESIDE);
        let state = Mutex::default();
        Self(Arc::new(Shared { address, dial, bearer, max_reply, state }))
    }

    /// The slave, dialled if need be, and the number of that dial.
    pub(super) async fn slave(&self) -> Result<(Slave, u64), ConnectError> {
        let Shared { address, dial, bearer, max_reply, state } = &*self.0;
        // Held over the dial: whoever comes meanwhile shares what it finds.
        let mut state = state.lock().await;
        if let Some(slave) = &state.slave {
            return Ok((slave.clone(), state.dials));
        }
        let unreachable = |error| ConnectError::unreachable("control", address, error);
        let channel = dial::channel(dial).await.map_err(unreachable)?;
        let channel = InterceptedService::new(channel, bearer.clone());
        let slave = ControlClient::new(channel).max_decoding_message_size(*max_reply);
        state.dials += 1;
        state.slave = Some(slave.clone());
        Ok((slave, state.dials))
    }

    /// What this dial found has broken: the next call dials anew.
    pub(super) async fn broke(&self, dial: u64) {
        let mut state = self.0.state.lock().await;
        if state.dials == dial {
            state.slave = None;
        }
    }

    /// The number of the last dial.
    async fn dials(&self) -> u64 {
        self.0.state.lock().await.dials
    }
}

impl Control {
    /// Asks the slave something, within its patience and the time that it may take by itself. A way
    /// that was dialled before and has broken since is dialled anew, once.
    pub(crate) async fn call<R: Clone, T>(
        &self,
        id: Option<ExecutionId>,
        more: Duration,
        request: R,
        ask: Ask<R, T>,
    ) -> Result<T, ControlError> {
        let patience = self.0.patience.saturating_add(more);
        let line = &self.0.calls;
        let asking = async {
            let before = line.dials().await;
            loop {
                let (slave, dial) = line.slave().await?;
                let status = match ask(slave, request.clone()).await {
                    Ok(reply) => return Ok(reply.into_inner()),
                    Err(status) => status,
                };
                let error = ControlError::of(self.address(), id, status);
                if !error.is_broken_way() {
                    return Err(error);
                }
                line.broke(dial).await;
                if dial > before {
                    return Err(error);
                }
            }
        };
        let late = |_| {
            let address = self.address().to_owned();
            Err(ControlError::Timeout { address, patience })
        };
        timeout(patience, asking).await.unwrap_or_else(late)
    }

    /// Reads an answer.
    pub(super) fn read<W, T>(&self, wire: W) -> Result<T, ControlError>
    where
        T: TryFrom<W, Error = WireError>,
    {
        wire.try_into().map_err(|error| ControlError::broken(self.address(), &error))
    }
}
