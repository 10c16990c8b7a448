//! Which sessions a slave has, and whether it takes one more.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selsyn_common::proto::from_slave::Frame;
use selsyn_common::{ErrorCode, Refusal, SessionId};

use super::Session;

/// The open sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    max: usize,
    exclusive: bool,
    open: Mutex<HashMap<SessionId, Arc<Session>>>,
}

impl Sessions {
    pub(crate) fn new(max: usize, exclusive: bool) -> Self {
        Self { max, exclusive, open: Mutex::default() }
    }

    /// Takes one more session, or says who is in the way.
    pub(crate) fn add(&self, session: &Arc<Session>) -> Result<(), Refusal> {
        let mut open = self.lock();
        if let Some(holder) = open.values().next().filter(|_| self.exclusive) {
            let message = format!(
                "the exclusive slave is held by connection {} of master {}",
                holder.peer.connection, holder.peer.master
            );
            return Err(Refusal::because(ErrorCode::SlaveTaken, message));
        }
        if open.len() >= self.max {
            let message = format!("the slave has {} sessions, as many as it may", open.len());
            return Err(Refusal::because(ErrorCode::TooManySessions, message));
        }
        open.insert(session.id, Arc::clone(session));
        Ok(())
    }

    pub(crate) fn remove(&self, id: SessionId) {
        self.lock().remove(&id);
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.lock().values().cloned().collect()
    }

    /// Welcomes a session: from here on it is told what all are told. Under the table's lock, so
    /// that no change falls between what Welcome says and what is told after it.
    pub(crate) fn welcome(&self, session: &Session, welcome: impl FnOnce() -> Frame) {
        let _open = self.lock();
        session.send(welcome());
        session.welcomed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn tell_all(&self, frame: &Frame) {
        let open = self.lock();
        let welcomed = open.values().filter(|session| session.welcomed.load(Ordering::Relaxed));
        welcomed.for_each(|session| session.send(frame.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
