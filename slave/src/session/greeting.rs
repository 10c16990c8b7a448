//! Whether a stream begins a session, or goes on with one.

mod adopt;
mod begin;
mod resume;
mod welcome;

use std::sync::Arc;

use selsyn_common::link::MAX_GREETING_BYTES;
use selsyn_common::link::batch::Batch;
use selsyn_common::link::greeting::{VERSIONS, VersionRange, negotiate};
use selsyn_common::proto::{self, FromMaster, from_master, from_slave::Frame};
use selsyn_common::wire::{WireError, WireId};
use selsyn_common::{ErrorCode, Incarnation, MasterId, Refusal};
use tokio::time::timeout;
use tonic::Streaming;

use super::tie::Stream;
use super::{Session, lifetime, shortened};
use crate::core::Core;
use crate::hooks::Peer;

/// Longest name of a connection, in bytes: it stands in logs and refusals.
const MAX_NAME: usize = 256;

/// Why a stream becomes no session, and how much of it the master reads.
pub(super) struct Rejection {
    pub(super) refusal: Box<Refusal>,
    pub(super) max_bytes: usize,
}

impl From<Refusal> for Rejection {
    /// What the slave itself says is short, whoever reads it.
    fn from(refusal: Refusal) -> Self {
        Self { refusal: refusal.into(), max_bytes: 0 }
    }
}

/// A session with the stream that is now tied to it.
pub(super) struct Greeted {
    pub(super) session: Arc<Session>,
    pub(super) stream: Stream,
    pub(super) welcome: Frame,
}

/// Reads Hello, judges it, and makes a Welcome.
pub(super) async fn greet(
    core: &Arc<Core>,
    incoming: &mut Streaming<Batch<FromMaster>>,
) -> Result<Greeted, Rejection> {
    let patience = core.settings.greeting_timeout;
    let hello = timeout(patience, hello(incoming)).await.map_err(|_| {
        Refusal::because(ErrorCode::GreetingTimeout, format!("no Hello came within {patience:?}"))
    })??;
    let version = judge(core, &hello)?;
    let who = Who::read(&hello)?;
    for former in core.sessions.fence(who.peer.master, who.incarnation)? {
        lifetime::fence(core, &former);
    }
    if let Some(asked) = &hello.resume
        && let Some(greeted) = resume::resumed(core, &who, asked, hello.dial, version).await?
    {
        return Ok(greeted);
    }
    begin::begin(core, who, hello, version).await
}

async fn hello(incoming: &mut Streaming<Batch<FromMaster>>) -> Result<proto::Hello, Rejection> {
    let violation = |message: &str| Refusal::because(ErrorCode::ProtocolViolation, message);
    let first = match incoming.message().await {
        Ok(Some(batch)) => batch.into_single(),
        Ok(None) => return Err(violation("the stream ended before Hello").into()),
        Err(status) => return Err(violation(status.message()).into()),
    };
    match first.and_then(|frame| frame.frame) {
        Some(from_master::Frame::Hello(hello)) => Ok(*hello),
        _ => Err(violation("the first frame of a stream is Hello, alone").into()),
    }
}

/// Version and channel; the token was checked before the call was routed.
fn judge(core: &Core, hello: &proto::Hello) -> Result<u32, Rejection> {
    let master = VersionRange { min: hello.version_min, max: hello.version_max };
    let version = negotiate(master, VERSIONS)
        .map_err(|error| Refusal::because(ErrorCode::VersionMismatch, error.to_string()))?;
    let ours = &core.settings.channel;
    if hello.channel != *ours {
        // The slave's own channel is not told to strangers.
        let message = format!("the slave is not on channel {:?}", shortened(&hello.channel));
        return Err(Refusal::because(ErrorCode::ChannelInvalid, message).into());
    }
    // The limit of a greeting, and not of a task: a slave of small tasks is greeted all the same.
    let bytes = hello.data.as_ref().map_or(0, |data| data.data.len());
    if bytes > MAX_GREETING_BYTES {
        let message =
            format!("the data of Hello has {bytes} bytes; a slave takes {MAX_GREETING_BYTES}");
        return Err(Refusal::because(ErrorCode::PayloadTooLarge, message).into());
    }
    Ok(version)
}

/// Who says Hello.
struct Who {
    peer: Peer,
    incarnation: Incarnation,
}

impl Who {
    fn read(hello: &proto::Hello) -> Result<Self, Rejection> {
        let malformed =
            |error: WireError| Refusal::because(ErrorCode::ProtocolViolation, error.to_string());
        if hello.connection.len() > MAX_NAME || hello.connection.chars().any(char::is_control) {
            let message = format!("a connection's name has at most {MAX_NAME} visible bytes");
            return Err(Refusal::because(ErrorCode::ProtocolViolation, message).into());
        }
        let master =
            MasterId::from_wire("Hello", "master_id", &hello.master_id).map_err(malformed)?;
        let incarnation = Incarnation::from_wire("Hello", "incarnation", &hello.incarnation);
        let peer = Peer { master, connection: hello.connection.clone() };
        Ok(Self { peer, incarnation: incarnation.map_err(malformed)? })
    }
}
