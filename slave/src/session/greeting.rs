//! Whether a stream begins a session, or goes on with one.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use selsyn_common::link::MAX_GREETING_BYTES;
use selsyn_common::link::greeting::{VERSIONS, VersionRange, negotiate};
use selsyn_common::link::numbering::NumberingError;
use selsyn_common::link::outbox::Outbox;
use selsyn_common::proto::{self, FromMaster, FromSlave, from_master, from_slave::Frame};
use selsyn_common::wire::{WireError, WireId};
use selsyn_common::{ErrorCode, Incarnation, MasterId, Payload, Refusal, SessionId, Token};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tonic::Streaming;
use tracing::{info, warn};

use super::tie::{Stream, Tie};
use super::{Over, Session, draining, lifetime, shortened};
use crate::core::Core;
use crate::hooks::{self, ConnectionRequest, Peer, Said};
use crate::random;

/// Shortest tolerance a master may have: below it the beats would be a load of their own.
const MIN_TOLERANCE: Duration = Duration::from_millis(200);

/// Longest name of a connection, in bytes: it stands in logs and refusals.
const MAX_NAME: usize = 256;

/// Frames that may wait for one master: for each task it may have here an acceptance and a
/// verdict, and as many again for refusals. A master that lets more wait does not read.
const MAX_CONTROL_FRAMES: usize = 500_000;

/// Executions that one frame names: some 25 bytes each.
const MAX_NAMED: usize = 10_000;

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
    incoming: &mut Streaming<FromMaster>,
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
    if let Some(resume) = &hello.resume
        && let Some(greeted) = resumed(core, &who, resume, version).await?
    {
        return Ok(greeted);
    }
    begin(core, who, hello, version).await
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

/// Goes on with a session; `None` when there is no such session any more.
async fn resumed(
    core: &Arc<Core>,
    who: &Who,
    resume: &proto::Resume,
    version: u32,
) -> Result<Option<Greeted>, Rejection> {
    let Ok(id) = SessionId::from_wire("Resume", "session_id", &resume.session_id) else {
        return Ok(None);
    };
    let secret = String::from_utf8_lossy(&resume.session_secret);
    let is_theirs = |session: &Arc<Session>| {
        session.peer.master == who.peer.master
            && session.incarnation == who.incarnation
            && session.secret.matches(&secret)
    };
    let Some(session) = core.sessions.find(id)?.filter(is_theirs) else { return Ok(None) };
    if session.outbox.is_full() {
        // What was said since is gone: a session that goes on would hide it.
        lifetime::end(core, &session, &Over::Full);
        return Ok(None);
    }
    // Who contradicts what was said before comes too late: the network held its Hello up, and the
    // session goes on with a later one.
    let late =
        |error: NumberingError| Refusal::because(ErrorCode::ProtocolViolation, error.to_string());
    // From here on the former stream, if it is still there, brings nothing more.
    let attached = session.tie.attach(|| session.outbox.resume(resume.received)).map_err(late)?;
    let Some(stream) = attached else { return Ok(None) };
    info!(connection = %session.peer.connection, "resumed");
    let made = || welcome(core, &session, Welcomed { version, reply: None, resumed: true });
    let welcome = core.sessions.welcome(&session, made);
    Ok(Some(Greeted { stream, welcome, session }))
}

/// Begins a session, if the hook agrees.
async fn begin(
    core: &Arc<Core>,
    who: Who,
    hello: proto::Hello,
    version: u32,
) -> Result<Greeted, Rejection> {
    if core.admission().is_draining() {
        return Err(Refusal::because(ErrorCode::Draining, "the slave is draining").into());
    }
    let session = Arc::new(open(core, who, &hello)?);
    if let Some(idle) = core.sessions.add(&session)? {
        lifetime::end(core, &idle, &Over::Lost("it made room for another master".to_owned()));
    }
    core.admission().set_owners(core.sessions.owners());
    let unwelcome = RemoveOnDrop(Some((core, &session)));
    let reply = ask_hook(core, &session, hello.data)
        .await
        .map_err(|refusal| Rejection { max_bytes: session.max_result_bytes, ..refusal.into() })?;
    let attached = session.tie.attach(|| Ok(session.outbox.attach())).ok().flatten();
    let gone = || Refusal::because(ErrorCode::Draining, "the slave is shutting down");
    let stream = attached.ok_or_else(gone)?;
    unwelcome.disarm();
    let made = || welcome(core, &session, Welcomed { version, reply, resumed: false });
    let welcome = core.sessions.welcome(&session, made);
    for former in core.sessions.kin(&session) {
        lifetime::end(core, &former, &Over::Superseded);
    }
    adopt(core, &session, hello.resume.is_some());
    if core.admission().is_draining() {
        session.send(draining(core.settings.drain_deadline));
    }
    info!(connection = %session.peer.connection, master = %session.peer.master, "connected");
    Ok(Greeted { stream, welcome, session })
}

/// Takes a session that was not welcomed out of the table.
struct RemoveOnDrop<'a>(Option<(&'a Arc<Core>, &'a Arc<Session>)>);

impl RemoveOnDrop<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for RemoveOnDrop<'_> {
    fn drop(&mut self) {
        if let Some((core, session)) = self.0 {
            session.tie.close();
            core.sessions.remove(session.id);
            core.admission().set_owners(core.sessions.owners());
        }
    }
}

fn open(core: &Core, who: Who, hello: &proto::Hello) -> Result<Session, Rejection> {
    let window = Duration::from_millis(hello.resume_window_millis);
    // A master that waits for ever is waited for as long as results are.
    let most = core.settings.owner_patience;
    let window = if window.is_zero() { most } else { window.min(most) };
    let tolerance = Duration::from_millis(hello.heartbeat_tolerance_millis);
    Ok(Session {
        id: SessionId::from_random(random::bytes().map_err(no_random)?),
        peer: who.peer,
        max_result_bytes: usize::try_from(hello.max_payload_bytes).unwrap_or(usize::MAX),
        incarnation: who.incarnation,
        secret: Token::from_random(random::bytes().map_err(no_random)?),
        heartbeat_tolerance: tolerance.max(MIN_TOLERANCE),
        window,
        outbox: Outbox::new(MAX_CONTROL_FRAMES, || Instant::now().into_std()),
        tie: Tie::new(),
        turn: Arc::default(),
        welcomed: AtomicBool::new(false),
        forgotten: AtomicBool::new(false),
        goodbye: AtomicBool::new(false),
        leaving: Mutex::new(false),
        records: AtomicUsize::new(0),
        emptied: Notify::new(),
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

/// A master that comes back too late for its session finds what became of its executions. One that
/// asked for that session is told which those are.
fn adopt(core: &Core, session: &Arc<Session>, asked: bool) {
    let is_kin = |former: &Session| former.is_over() && former.is_kin(session);
    // Who asked for a session that is over may come before its end has been counted.
    let records =
        if asked || core.sessions.has_orphans() { core.records.all() } else { Vec::new() };
    let mine: Vec<_> = records.into_iter().filter(|record| is_kin(&record.session())).collect();
    if asked {
        tell_adopted(session, mine.iter().map(|record| record.id.into()).collect());
    }
    mine.iter().for_each(|record| crate::executor::hand_over(record, session));
}

fn tell_adopted(session: &Session, mut executions: Vec<proto::ExecutionId>) {
    loop {
        let rest = executions.split_off(executions.len().min(MAX_NAMED));
        let last = rest.is_empty();
        session.send(Frame::Adopted(proto::Adopted { executions, last }));
        if last {
            return;
        }
        executions = rest;
    }
}

/// What a Welcome says beside what the slave always says.
struct Welcomed {
    version: u32,
    reply: Option<Payload>,
    resumed: bool,
}

fn welcome(core: &Core, session: &Session, welcomed: Welcomed) -> Frame {
    let Welcomed { version, reply, resumed } = welcomed;
    let fits = |reply: &Payload| {
        let fits = reply.len() <= MAX_GREETING_BYTES.min(session.max_result_bytes);
        if !fits {
            warn!(connection = %session.peer.connection, bytes = reply.len(), "the reply of before_connection is too large, and is not sent");
        }
        fits
    };
    let mut first = FromSlave {
        frame: Some(Frame::Welcome(proto::Welcome {
            version,
            slave_id: core.slave_id.to_wire(),
            boot_id: core.boot_id.to_wire(),
            session_id: session.id.to_wire(),
            session_secret: session.secret.reveal().as_bytes().to_vec().into(),
            durability: proto::Durability::Memory.into(),
            limits: Some(core.limits()),
            functions: core.registry.list(),
            reply: reply.filter(fits).map(proto::Payload::from),
            resumed,
            received: session.outbox.received(),
        })),
        ..FromSlave::default()
    };
    super::shrink::to_fit(&mut first, session.max_result_bytes);
    first.frame.expect("it was put in right here")
}
