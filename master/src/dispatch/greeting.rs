//! Opens one session: dial, Hello, Welcome.

use std::time::Duration;

use futures_util::stream::poll_fn;
use selsyn_common::link::greeting::VERSIONS;
use selsyn_common::link::outbox::Outbox;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave};
use selsyn_common::wire::{WireError, WireId};
use selsyn_common::{BootId, ErrorCode, Payload, Refusal, SlaveId, Token};
use tokio::time::timeout;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Code, Request, Status, Streaming};

use super::dial::{self, Dial};
use crate::connection::link::Link;
use crate::error::ConnectError;
use crate::generated::interaction_client::InteractionClient;

/// Control frames that may wait for the slave, beside one start a task: for each its cancel, its
/// ResultTaken, and some room for the session's own.
const FRAMES_PER_TASK: usize = 3;

/// Room for the session's own frames: Hello, beats, goodbye, and more cancels than tasks.
const FRAMES_OF_SESSION: usize = 1_024;

/// Room in a message for what is not payload.
const FRAME_OVERHEAD: usize = 1024 * 1024;

/// What the slave said of itself.
#[derive(Clone, Debug)]
pub(crate) struct Welcomed {
    pub(crate) slave_id: SlaveId,
    pub(crate) boot_id: BootId,
    pub(crate) functions: Vec<String>,
    pub(crate) max_payload_bytes: usize,
    pub(crate) abort_grace: Duration,
    pub(crate) reply: Option<Payload>,
}

/// An open session.
pub(crate) struct Opened {
    pub(crate) incoming: Streaming<FromSlave>,
    pub(crate) outbox: Outbox<FromMaster>,
    pub(crate) welcomed: Welcomed,
}

/// Dials and greets, once, within the greeting timeout.
pub(super) async fn open(link: &Link, dial: &Dial, data: Payload) -> Result<Opened, ConnectError> {
    let patience = link.settings.greeting_timeout;
    let opening = timeout(patience, greet(link, dial, data)).await;
    opening.unwrap_or_else(|_| Err(ConnectError::silent(&link.name, &link.address, patience)))
}

async fn greet(link: &Link, dial: &Dial, data: Payload) -> Result<Opened, ConnectError> {
    let unreachable = |error| ConnectError::unreachable(&link.name, &link.address, error);
    let channel = dial::channel(dial).await.map_err(unreachable)?;
    let per_task = link.settings.max_in_flight.saturating_mul(FRAMES_PER_TASK);
    let outbox = Outbox::new(per_task.saturating_add(FRAMES_OF_SESSION));
    let hello = from_master::Frame::Hello(hello(link, data));
    // The lane is empty: it has room for one frame.
    let _ = outbox.send(FromMaster { frame: Some(hello), ..FromMaster::default() });
    let outgoing = outbox.clone();
    let guard = CloseOnDrop(Some(outbox.clone()));
    let request = Request::new(poll_fn(move |cx| outgoing.poll_next(cx)));
    let request = with_token(link.settings.token.as_ref(), request);
    let limit = link.settings.max_payload_bytes.saturating_add(FRAME_OVERHEAD);
    let mut client = InteractionClient::new(channel).max_decoding_message_size(limit);
    let answered = client.session(request).await;
    let mut incoming =
        answered.map_err(|status| failed(&link.name, &link.address, status))?.into_inner();
    let welcomed = welcome(link, incoming.message().await)?;
    guard.disarm();
    Ok(Opened { incoming, outbox, welcomed })
}

/// Ends the stream of a dial that came to nothing. It lives apart from the answers: nothing else
/// would end it, and the connection would stay open for as long as the slave bears with it.
struct CloseOnDrop(Option<Outbox<FromMaster>>);

impl CloseOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(outbox) = &self.0 {
            outbox.close();
        }
    }
}

fn hello(link: &Link, data: Payload) -> proto::Hello {
    let settings = &link.settings;
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    proto::Hello {
        version_min: VERSIONS.min,
        version_max: VERSIONS.max,
        master_id: link.master.id.to_wire(),
        incarnation: link.master.incarnation.to_wire(),
        connection: link.name.clone(),
        channel: settings.channel.clone(),
        data: Some(data.into()),
        resume_window_millis: settings.window().map_or(0, millis),
        max_payload_bytes: settings.max_payload_bytes as u64,
        heartbeat_tolerance_millis: millis(settings.heartbeat_tolerance),
    }
}

/// Adds the token to a call.
pub(crate) fn with_token<T>(token: Option<&Token>, mut request: Request<T>) -> Request<T> {
    if let Some(token) = token {
        let bearer = format!("Bearer {}", token.reveal());
        let mut value = AsciiMetadataValue::try_from(bearer).expect("a token is visible ASCII");
        // Otherwise whoever logs a request prints the token.
        value.set_sensitive(true);
        request.metadata_mut().insert("authorization", value);
    }
    request
}

/// Reads the slave's first frame.
fn welcome(
    link: &Link,
    first: Result<Option<FromSlave>, Status>,
) -> Result<Welcomed, ConnectError> {
    use from_slave::Frame as F;
    let gone = |status| failed(&link.name, &link.address, status);
    match first.map_err(gone)?.and_then(|frame| frame.frame) {
        Some(F::Welcome(welcome)) => {
            read(welcome).map_err(|error| broken(&link.name, &link.address, &error.to_string()))
        }
        Some(F::Rejected(proto::Rejected { refusal: Some(refusal) })) => {
            Err(refused(&link.name, &link.address, refusal.into()))
        }
        Some(_) => Err(broken(
            &link.name,
            &link.address,
            "the first frame of a slave is Welcome or Rejected",
        )),
        None => {
            let ended = "the stream ended before Welcome".into();
            Err(ConnectError::unreachable(&link.name, &link.address, ended))
        }
    }
}

fn read(welcome: proto::Welcome) -> Result<Welcomed, WireError> {
    let limits = welcome.limits.ok_or(WireError::missing("Welcome", "limits"))?;
    Ok(Welcomed {
        slave_id: SlaveId::from_wire("Welcome", "slave_id", &welcome.slave_id)?,
        boot_id: BootId::from_wire("Welcome", "boot_id", &welcome.boot_id)?,
        functions: welcome.functions.into_iter().map(|function| function.name).collect(),
        max_payload_bytes: usize::try_from(limits.max_payload_bytes).unwrap_or(usize::MAX),
        abort_grace: Duration::from_millis(limits.abort_grace_millis),
        reply: Payload::optional(welcome.reply),
    })
}

fn refused(name: &str, address: &str, refusal: Refusal) -> ConnectError {
    let (name, address) = (name.to_owned(), address.to_owned());
    ConnectError::Refused { name, address, refusal: Box::new(refusal) }
}

fn broken(name: &str, address: &str, message: &str) -> ConnectError {
    refused(name, address, Refusal::because(ErrorCode::ProtocolViolation, message))
}

/// A call that was denied before it was routed says why in a header; anything else is the
/// network's doing.
pub(crate) fn failed(name: &str, address: &str, status: Status) -> ConnectError {
    let code = status.metadata().get("selsyn-code").and_then(|code| code.to_str().ok());
    match (status.code(), code.and_then(ErrorCode::parse)) {
        (Code::Unauthenticated, reason) => {
            let reason = reason.unwrap_or(ErrorCode::TokenInvalid);
            refused(name, address, Refusal::because(reason, status.message()))
        }
        (Code::Unimplemented, _) => broken(name, address, "what answers there is no slave"),
        _ => ConnectError::unreachable(name, address, status.into()),
    }
}
