//! Opens one session: dial, Hello, Welcome.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use selsyn_common::link::MAX_FRAME_BYTES;
use selsyn_common::link::batch::Batch;
use selsyn_common::link::greeting::VERSIONS;
use selsyn_common::link::numbering::NumberingError;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave};
use selsyn_common::wire::{WireError, WireId};
use selsyn_common::{BootId, ErrorCode, Payload, Refusal, SlaveId, Token};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_stream::Stream;
use tonic::metadata::AsciiMetadataValue;
use tonic::{Code, Request, Status, Streaming};

use super::catalogue::Catalogue;
use super::dial::{self, Dial};
use crate::connection::link::{Link, StreamEnd};
use crate::error::ConnectError;
use crate::generated::interaction_client::InteractionClient;

/// What the slave said of itself.
#[derive(Clone, Debug)]
pub(crate) struct Welcomed {
    pub(crate) slave_id: SlaveId,
    pub(crate) boot_id: BootId,
    pub(crate) functions: Catalogue,
    pub(crate) max_payload_bytes: usize,
    pub(crate) slots: usize,
    pub(crate) abort_grace: Duration,
    pub(crate) reply: Option<Payload>,
    pub(crate) ticket: Option<Ticket>,
    /// The session that broke goes on.
    pub(crate) resumed: bool,
    /// Highest number that the slave has received in it.
    pub(crate) received: u64,
}

/// What a session is resumed with.
#[derive(Clone)]
pub(crate) struct Ticket {
    pub(crate) session_id: Bytes,
    pub(crate) session_secret: Bytes,
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(..)")
    }
}

/// A stream that is tied to a session.
pub(crate) struct Opened {
    pub(crate) incoming: Streaming<Batch<FromSlave>>,
    pub(crate) end: StreamEnd,
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
    let hello = from_master::Frame::Hello(Box::new(hello(link, data)));
    let hello = Batch::of(FromMaster { frame: Some(hello) });
    let (go, then) = oneshot::channel();
    let outgoing = Outgoing { hello: Some(hello), then: Then::Greeting(then) };
    let request = with_token(link.settings.token.as_ref(), Request::new(outgoing));
    let mut client = InteractionClient::new(channel).max_decoding_message_size(MAX_FRAME_BYTES);
    let answered = client.session(request).await;
    let mut incoming =
        answered.map_err(|status| failed(&link.name, &link.address, status))?.into_inner();
    let welcomed = welcome(link, incoming.message().await)?;
    let contradicts = |error: NumberingError| broken(&link.name, &link.address, &error.to_string());
    let end = link.tie(&welcomed).map_err(contradicts)?;
    // The stream may have ended by now; the reader sees that.
    let _ = go.send(end.clone());
    Ok(Opened { incoming, end, welcomed })
}

/// What a stream says: Hello, then what its session has to say. It ends when the dial comes to
/// nothing.
struct Outgoing {
    hello: Option<Batch<FromMaster>>,
    then: Then,
}

enum Then {
    Greeting(oneshot::Receiver<StreamEnd>),
    Open(StreamEnd),
    Over,
}

impl Stream for Outgoing {
    type Item = Batch<FromMaster>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(hello) = self.hello.take() {
            return Poll::Ready(Some(hello));
        }
        loop {
            self.then = match &mut self.then {
                Then::Open(end) => return end.poll_next(cx),
                Then::Over => return Poll::Ready(None),
                Then::Greeting(opened) => match ready!(Pin::new(opened).poll(cx)) {
                    Ok(end) => Then::Open(end),
                    Err(_) => Then::Over,
                },
            };
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
        resume: link.resume(),
        dial: link.master.next_dial(),
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
    first: Result<Option<Batch<FromSlave>>, Status>,
) -> Result<Welcomed, ConnectError> {
    use from_slave::Frame as F;
    let gone = |status| failed(&link.name, &link.address, status);
    let Some(batch) = first.map_err(gone)? else {
        let ended = "the stream ended before Welcome".into();
        return Err(ConnectError::unreachable(&link.name, &link.address, ended));
    };
    match batch.into_single().and_then(|frame| frame.frame) {
        Some(F::Welcome(welcome)) => {
            read(*welcome).map_err(|error| broken(&link.name, &link.address, &error.to_string()))
        }
        Some(F::Rejected(proto::Rejected { refusal: Some(refusal) })) => {
            Err(refused(&link.name, &link.address, refusal.into()))
        }
        _ => Err(broken(
            &link.name,
            &link.address,
            "the first frame of a slave is Welcome or Rejected",
        )),
    }
}

fn read(welcome: proto::Welcome) -> Result<Welcomed, WireError> {
    let limits = welcome.limits.ok_or(WireError::missing("Welcome", "limits"))?;
    Ok(Welcomed {
        slave_id: SlaveId::from_wire("Welcome", "slave_id", &welcome.slave_id)?,
        boot_id: BootId::from_wire("Welcome", "boot_id", &welcome.boot_id)?,
        functions: Catalogue::new(welcome.functions),
        max_payload_bytes: usize::try_from(limits.max_payload_bytes).unwrap_or(usize::MAX),
        slots: usize::try_from(limits.slots).unwrap_or(usize::MAX),
        abort_grace: Duration::from_millis(limits.abort_grace_millis),
        reply: Payload::optional(welcome.reply),
        ticket: (!welcome.session_id.is_empty()).then_some(Ticket {
            session_id: welcome.session_id,
            session_secret: welcome.session_secret,
        }),
        resumed: welcome.resumed,
        received: welcome.received,
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
        _ => ConnectError::unreachable(name, address, in_words(&status).into()),
    }
}

/// What the network said, without the layers that passed it on.
fn in_words(status: &Status) -> String {
    let mut root: &dyn Error = status;
    while let Some(source) = root.source() {
        root = source;
    }
    if root.is::<Status>() { status.message().to_owned() } else { root.to_string() }
}
