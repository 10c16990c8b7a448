//! Stands in for the session of executions that were started without one.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use selsyn_common::link::outbox::Outbox;
use selsyn_common::{Incarnation, MasterId, SessionId, Token};
use tokio::time::Instant;

use super::Session;
use super::tally::Tally;
use super::tie::Tie;
use crate::core::Core;
use crate::hooks::Peer;
use crate::random;

/// One for each owner of executions that were started without a session, while there are some.
#[derive(Debug, Default)]
pub(crate) struct DetachedSessions(Mutex<HashMap<MasterId, Weak<Session>>>);

impl DetachedSessions {
    /// The one of this owner.
    pub(crate) fn of(&self, core: &Core, owner: MasterId) -> io::Result<Arc<Session>> {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = sessions.get(&owner).and_then(Weak::upgrade) {
            return Ok(session);
        }
        if sessions.len() == sessions.capacity() {
            // Before it grows: those whose executions are gone need no room.
            sessions.retain(|_, session| session.strong_count() > 0);
        }
        let session = Arc::new(detached(core, owner)?);
        sessions.insert(owner, Arc::downgrade(&session));
        Ok(session)
    }
}

/// A session that nobody greeted: it says nothing, no stream can be tied to it, and what ends in it
/// is kept by retention alone.
fn detached(core: &Core, master: MasterId) -> io::Result<Session> {
    let outbox = Outbox::new(1, || Instant::now().into_std());
    outbox.close();
    Ok(Session {
        id: SessionId::from_random(random::bytes()?),
        peer: Peer { master, connection: String::new() },
        max_result_bytes: core.settings.max_payload_bytes,
        incarnation: Incarnation::from_random([0; 16]),
        secret: Token::from_random(random::bytes()?),
        heartbeat_tolerance: core.settings.heartbeat_tolerance,
        window: core.settings.owner_patience,
        outbox,
        tie: Tie::new(0),
        turn: Arc::default(),
        welcomed: AtomicBool::new(false),
        forgotten: AtomicBool::new(true),
        goodbye: AtomicBool::new(false),
        leaving: AtomicBool::new(false),
        records: Tally::default(),
        unsaid: Tally::default(),
        logs: Arc::clone(&core.logs),
    })
}
