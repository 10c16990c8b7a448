//! The open sessions: by their id, by the connection that each is of, and by their master.
//!
//! A greeting asks all three, and costs the ten-thousandth master no more than the first.

use std::collections::HashMap;
use std::collections::hash_map::Values;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use selsyn_common::{Incarnation, MasterId, SessionId};

use super::Session;
use super::fences::Fences;
use crate::hooks::Peer;

/// The open sessions, and who may have none any more.
#[derive(Debug, Default)]
pub(super) struct Open {
    by_id: HashMap<SessionId, Arc<Session>>,
    /// One of each connection, and for a moment the one that takes its place.
    by_connection: HashMap<(Peer, Incarnation), Vec<Arc<Session>>>,
    by_master: HashMap<MasterId, usize>,
    pub(super) fences: Fences,
}

impl Open {
    pub(super) fn insert(&mut self, session: &Arc<Session>) {
        self.by_id.insert(session.id, Arc::clone(session));
        self.by_connection.entry(connection(session)).or_default().push(Arc::clone(session));
        *self.by_master.entry(session.peer.master).or_default() += 1;
    }

    pub(super) fn remove(&mut self, id: SessionId) {
        let Some(session) = self.by_id.remove(&id) else { return };
        let connection = connection(&session);
        if let Some(kin) = self.by_connection.get_mut(&connection) {
            kin.retain(|kin| kin.id != id);
            if kin.is_empty() {
                self.by_connection.remove(&connection);
            }
        }
        if let Some(count) = self.by_master.get_mut(&session.peer.master) {
            *count -= 1;
            if *count == 0 {
                self.by_master.remove(&session.peer.master);
            }
        }
    }

    pub(super) fn get(&self, id: SessionId) -> Option<&Arc<Session>> {
        self.by_id.get(&id)
    }

    pub(super) fn all(&self) -> Values<'_, SessionId, Arc<Session>> {
        self.by_id.values()
    }

    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Masters that have a session.
    pub(super) fn owners(&self) -> usize {
        self.by_master.len()
    }

    /// The sessions of the same master's connection of the same name, itself included.
    pub(super) fn kin(&self, session: &Session) -> &[Arc<Session>] {
        self.by_connection.get(&connection(session)).map_or(&[], Vec::as_slice)
    }

    /// The session that has waited longest for a master that has nothing here.
    pub(super) fn idle(&self) -> Option<Arc<Session>> {
        // One that is being greeted waits for the slave, not for its master.
        let is_welcomed = |session: &&Arc<Session>| session.welcomed.load(Ordering::Relaxed);
        let detached = self.all().filter(is_welcomed).filter_map(|session| {
            let since = session.tie.detached_since()?;
            session.records.is_empty().then_some((since, session))
        });
        detached.min_by_key(|(since, _)| *since).map(|(_, session)| Arc::clone(session))
    }
}

fn connection(session: &Session) -> (Peer, Incarnation) {
    (session.peer.clone(), session.incarnation)
}
