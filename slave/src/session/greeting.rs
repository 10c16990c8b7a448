//! Whether a stream becomes a session.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use selsyn_common::link::greeting::{VERSIONS, VersionRange, negotiate};
use selsyn_common::link::outbox::Outbox;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave::Frame};
use selsyn_common::wire::{WireError, WireId};
use selsyn_common::{ErrorCode, MasterId, Payload, Refusal, SessionId};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;

use super::{Session, draining, shortened};
use crate::core::Core;
use crate::hooks::{self, ConnectionRequest, Peer, Said};
use crate::random;

/// Shortest tolerance a master may have: below it the beats would be a load of their own.
const MIN_TOLERANCE: Duration = Duration::from_millis(200);

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

/// Reads Hello, judges it, asks the hook and says Welcome.
pub(super) async fn greet(
    core: &Arc<Core>,
    incoming: &mut Streaming<FromMaster>,
    outbox: &Outbox<FromSlave>,
) -> Result<Arc<Session>, Rejection> {
    let patience = core.settings.greeting_timeout;
    let hello = timeout(patience, hello(incoming)).await.map_err(|_| {
        Refusal::because(ErrorCode::GreetingTimeout, format!("no Hello came within {patience:?}"))
    })??;
    let version = judge(core, &hello)?;
    core.check_payload(hello.data.as_ref().map_or(0, |data| data.data.len()))?;
    let session = Arc::new(open(&hello, outbox.clone())?);
    core.sessions.add(&session)?;
    match ask_hook(core, &session, hello.data).await {
        Ok(reply) => {
            let welcome = || welcome(core, &session, version, reply);
            core.sessions.welcome(&session, welcome);
        }
        Err(refusal) => {
            core.sessions.remove(session.id);
            return Err(Rejection { max_bytes: session.max_result_bytes, ..refusal.into() });
        }
    }
    if core.admission().is_draining() {
        session.send(draining(core.settings.drain_deadline));
    }
    Ok(session)
}

async fn hello(incoming: &mut Streaming<FromMaster>) -> Result<proto::Hello, Rejection> {
    let violation = |message: &str| Refusal::because(ErrorCode::ProtocolViolation, message);
    match incoming.message().await {
        Ok(Some(FromMaster { frame: Some(from_master::Frame::Hello(hello)), .. })) => Ok(hello),
        Ok(Some(_)) => Err(violation("the first frame of a stream is Hello").into()),
        Ok(None) => Err(violation("the stream ended before Hello").into()),
        Err(status) => Err(violation(status.message()).into()),
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
    if core.admission().is_draining() {
        return Err(Refusal::because(ErrorCode::Draining, "the slave is draining").into());
    }
    Ok(version)
}

fn open(hello: &proto::Hello, outbox: Outbox<FromSlave>) -> Result<Session, Rejection> {
    let malformed =
        |error: WireError| Refusal::because(ErrorCode::ProtocolViolation, error.to_string());
    let master = MasterId::from_wire("Hello", "master_id", &hello.master_id).map_err(malformed)?;
    if hello.connection.len() > MAX_NAME || hello.connection.chars().any(char::is_control) {
        let message = format!("a connection's name has at most {MAX_NAME} visible bytes");
        return Err(Refusal::because(ErrorCode::ProtocolViolation, message).into());
    }
    let tolerance = Duration::from_millis(hello.heartbeat_tolerance_millis);
    Ok(Session {
        id: SessionId::from_random(random::bytes().map_err(no_random)?),
        peer: Peer { master, connection: hello.connection.clone() },
        max_result_bytes: usize::try_from(hello.max_payload_bytes).unwrap_or(usize::MAX),
        heartbeat_tolerance: tolerance.max(MIN_TOLERANCE),
        outbox,
        stop: CancellationToken::new(),
        over: AtomicBool::new(false),
        welcomed: AtomicBool::new(false),
        leaving: Mutex::new(false),
    })
}

fn no_random(error: std::io::Error) -> Refusal {
    Refusal::because(ErrorCode::ServeFailed, format!("the slave has no random bytes: {error}"))
}

async fn ask_hook(core: &Arc<Core>, session: &Session, data: Option<proto::Payload>) -> Said {
    let Some(hook) = core.hooks.before_connection.clone() else { return Ok(None) };
    let data = Payload::optional(data).unwrap_or_else(Payload::null);
    let question = ConnectionRequest { peer: session.peer.clone(), data };
    let asked = hooks::ask(Some(hook), question, ErrorCode::ConnectionRefused);
    let patience = core.settings.greeting_timeout;
    core.run_hook(asked, "before_connection", patience, ErrorCode::ConnectionRefused).await
}

fn welcome(core: &Core, session: &Session, version: u32, reply: Option<Payload>) -> Frame {
    Frame::Welcome(proto::Welcome {
        version,
        slave_id: core.slave_id.to_wire(),
        boot_id: core.boot_id.to_wire(),
        session_id: session.id.to_wire(),
        // Sessions cannot be resumed in this version: there is no right to prove.
        session_secret: Default::default(),
        durability: proto::Durability::Memory.into(),
        limits: Some(core.limits()),
        functions: core.registry.list(),
        reply: reply.map(proto::Payload::from),
    })
}
