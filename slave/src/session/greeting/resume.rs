//! Goes on with a session whose stream broke.

use std::sync::Arc;

use selsyn_common::SessionId;
use selsyn_common::link::numbering::NumberingError;
use selsyn_common::proto;
use selsyn_common::wire::WireId;
use tracing::info;

use super::welcome::{Welcomed, welcome};
use super::{Greeted, Rejection, Who};
use crate::core::Core;
use crate::session::{Over, Session, late, lifetime};

/// Goes on with a session; `None` when there is no such session any more.
pub(super) async fn resumed(
    core: &Arc<Core>,
    who: &Who,
    resume: &proto::Resume,
    dial: u64,
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
    if session.tie.is_late(dial) {
        return Err(late(&session).into());
    }
    if session.outbox.is_full() {
        // What was said since is gone: a session that goes on would hide it.
        lifetime::end(core, &session, &Over::Full);
        return Ok(None);
    }
    // Who contradicts what was said before comes too late: the network held its Hello up, and the
    // session goes on with a later one.
    let contradicts = |_: NumberingError| late(&session);
    // From here on the former stream, if it is still there, brings nothing more.
    let attached = session.tie.attach(dial, || session.outbox.resume(resume.received));
    let attached = attached.map_err(contradicts)?;
    let Some(stream) = attached else { return Ok(None) };
    info!(connection = %session.peer.connection, "resumed");
    let made = || welcome(core, &session, Welcomed { version, reply: None, resumed: true });
    let welcome = core.sessions.welcome(&session, made);
    Ok(Some(Greeted { stream, welcome, session }))
}
