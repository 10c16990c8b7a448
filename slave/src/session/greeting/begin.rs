//! Begins a session.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use selsyn_common::link::outbox::Outbox;
use selsyn_common::proto;
use selsyn_common::{ErrorCode, Payload, Refusal, SessionId, Token};
use tokio::time::Instant;
use tracing::info;

use super::welcome::{Welcomed, welcome};
use super::{Greeted, Rejection, Who, adopt};
use crate::core::Core;
use crate::hooks::{self, ConnectionRequest, Said};
use crate::random;
use crate::session::tally::Tally;
use crate::session::tie::Tie;
use crate::session::{Over, Session, draining, lifetime};

/// Shortest tolerance a master may have: below it the beats would be a load of their own.
const MIN_TOLERANCE: Duration = Duration::from_millis(200);

/// Frames that may wait for one master: for each task it may have here an acceptance and a
/// verdict, and as many again for refusals. A master that lets more wait does not read.
const MAX_CONTROL_FRAMES: usize = 500_000;

/// Begins a session, if the hook agrees.
pub(super) async fn begin(
    core: &Arc<Core>,
    who: Who,
    hello: proto::Hello,
    version: u32,
) -> Result<Greeted, Rejection> {
    if core.admission().is_draining() {
        return Err(Refusal::because(ErrorCode::Draining, "the slave is draining").into());
    }
    let session = Arc::new(open(core, who, &hello)?);
    if let Some(idle) = core.sessions.add(&session, hello.dial)? {
        lifetime::end(core, &idle, &Over::Lost("it made room for another master".to_owned()));
    }
    core.count_owners();
    let unwelcome = RemoveOnDrop(Some((core, &session)));
    let reply = ask_hook(core, &session, hello.data)
        .await
        .map_err(|refusal| Rejection { max_bytes: session.max_result_bytes, ..refusal.into() })?;
    let attached = session.tie.attach(hello.dial, || Ok(session.outbox.attach())).ok().flatten();
    let gone = || Refusal::because(ErrorCode::Draining, "the slave is shutting down");
    let stream = attached.ok_or_else(gone)?;
    unwelcome.disarm();
    let made = || welcome(core, &session, Welcomed { version, reply, resumed: false });
    let welcome = core.sessions.welcome(&session, made);
    for former in core.sessions.kin(&session) {
        lifetime::end(core, &former, &Over::Superseded);
    }
    adopt::adopt(core, &session, hello.resume.is_some());
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
            core.count_owners();
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
        tie: Tie::new(hello.dial),
        turn: Arc::default(),
        welcomed: AtomicBool::new(false),
        forgotten: AtomicBool::new(false),
        goodbye: AtomicBool::new(false),
        leaving: AtomicBool::new(false),
        records: Tally::default(),
        unsaid: Tally::default(),
        logs: Arc::clone(&core.logs),
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
