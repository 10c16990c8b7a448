//! Asks who a slave is and how busy, without a session.

use std::time::Duration;

use selsyn_common::proto::InfoRequest;
use selsyn_common::wire::WireId;
use selsyn_common::{BootId, ErrorCode, Refusal, SlaveId, Token};
use tokio::runtime::Handle;
use tokio::time::timeout;
use tonic::Request;

use crate::connect::Target;
use crate::dispatch::{dial, greeting};
use crate::error::ConnectError;
use crate::generated::control_client::ControlClient;

/// Time in which a slave must answer a ping.
const PATIENCE: Duration = Duration::from_secs(5);

/// Who a slave is and how busy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SlaveInfo {
    /// Which slave.
    pub slave: SlaveId,
    /// Which life of it.
    pub boot: BootId,
    /// Version of its library.
    pub version: String,
    /// Executions that run now.
    pub running: u32,
    /// Tasks that wait for a slot.
    pub queued: u32,
    /// Open sessions.
    pub sessions: u32,
    /// It takes no new tasks.
    pub draining: bool,
}

/// Asks a slave who it is, within 5 s (DI-engine: `ping`). Opens no session.
///
/// # Errors
///
/// [`ConnectError`] as for a connection: the address, the token, nobody there.
///
/// # Cancel safety
///
/// Safe to drop.
pub async fn ping(address: &str, token: Option<&Token>) -> Result<SlaveInfo, ConnectError> {
    Handle::try_current().map_err(|_| ConnectError::NoRuntime)?;
    let (target, dial) = Target::Address(address.to_owned()).resolve()?;
    let asking = async {
        let channel = dial::channel(&dial).await;
        let channel =
            channel.map_err(|error| ConnectError::unreachable("slave", &target, error))?;
        let request = greeting::with_token(token, Request::new(InfoRequest {}));
        let reply = ControlClient::new(channel).info(request).await;
        Ok(reply.map_err(|status| greeting::failed("slave", &target, status))?.into_inner())
    };
    let silent = |_| Err(ConnectError::silent("slave", &target, PATIENCE));
    let info = timeout(PATIENCE, asking).await.unwrap_or_else(silent)?;
    let malformed = |error: selsyn_common::wire::WireError| {
        let refusal = Refusal::because(ErrorCode::ProtocolViolation, error.to_string());
        let (name, address) = ("slave".to_owned(), target.clone());
        ConnectError::Refused { name, address, refusal: Box::new(refusal) }
    };
    Ok(SlaveInfo {
        slave: SlaveId::from_wire("InfoReply", "slave_id", &info.slave_id).map_err(malformed)?,
        boot: BootId::from_wire("InfoReply", "boot_id", &info.boot_id).map_err(malformed)?,
        version: info.version,
        running: info.running,
        queued: info.queued,
        sessions: info.sessions,
        draining: info.draining,
    })
}
