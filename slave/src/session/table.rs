//! Which sessions a slave has, and whether it takes one more.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use selsyn_common::proto::from_slave::Frame;
use selsyn_common::{ErrorCode, Incarnation, MasterId, Refusal, SessionId};
use tokio::time::Instant;

use super::fences::Life;
use super::open::Open;
use super::{Session, late};

/// The sessions that are open: attached, or waiting for their master to come back.
#[derive(Debug)]
pub(crate) struct Sessions {
    max: usize,
    /// An exclusive slave is held by one session, and by a silent one for no longer than this.
    exclusive: Option<Duration>,
    open: Mutex<Open>,
    /// Closed sessions whose results wait for their owner.
    orphans: AtomicUsize,
}

impl Sessions {
    pub(crate) fn new(max: usize, exclusive: Option<Duration>) -> Self {
        Self { max, exclusive, open: Mutex::default(), orphans: AtomicUsize::new(0) }
    }

    /// Notes that a master has come; gives the sessions of the life that it takes the place of.
    pub(super) fn fence(
        &self,
        master: MasterId,
        who: Incarnation,
    ) -> Result<Vec<Arc<Session>>, Refusal> {
        let mut open = self.lock();
        match open.fences.hello(master, who, Instant::now()) {
            Life::Living => Ok(Vec::new()),
            Life::Former => Err(fenced(master)),
            Life::Replaces(former) => {
                let of_former = open.all().filter(|session| {
                    session.peer.master == master && session.incarnation == former
                });
                Ok(of_former.cloned().collect())
            }
        }
    }

    /// Takes one more session, or says who is in the way. Gives one that must make room: it waits
    /// for a master that has nothing here.
    pub(super) fn add(
        &self,
        session: &Arc<Session>,
        dial: u64,
    ) -> Result<Option<Arc<Session>>, Refusal> {
        let mut open = self.lock();
        if let Some(other) = open.kin(session).iter().find(|other| other.tie.is_late(dial)) {
            return Err(late(other));
        }
        // A newer life may have come since its Hello was judged.
        if open.fences.is_former(session.peer.master, session.incarnation) {
            return Err(fenced(session.peer.master));
        }
        self.check_hold(&open, |other| other.is_kin(session))?;
        // Those that it will take the place of count no more.
        let others = open.len() - open.kin(session).len();
        let in_the_way = if others < self.max {
            None
        } else {
            let longest = open.idle().ok_or_else(|| {
                let count = open.len();
                let message = format!("the slave has {count} sessions, as many as it may");
                Refusal::because(ErrorCode::TooManySessions, message)
            })?;
            open.remove(longest.id);
            Some(longest)
        };
        open.insert(session);
        Ok(in_the_way)
    }

    /// Finds a session that is to be resumed.
    pub(super) fn find(&self, id: SessionId) -> Result<Option<Arc<Session>>, Refusal> {
        let open = self.lock();
        self.check_hold(&open, |other| other.id == id)?;
        Ok(open.get(id).cloned())
    }

    /// Refuses a start without a session while another master's session holds an exclusive slave.
    pub(crate) fn check_holder(&self, owner: MasterId) -> Result<(), Refusal> {
        self.check_hold(&self.lock(), |session| session.peer.master == owner)
    }

    /// Refuses whoever comes while another session holds an exclusive slave.
    fn check_hold(&self, open: &Open, is_itself: impl Fn(&Session) -> bool) -> Result<(), Refusal> {
        let Some(tolerance) = self.exclusive else { return Ok(()) };
        let holds = |session: &&Arc<Session>| match session.tie.detached_since() {
            // One that has said goodbye is kept for what its master has not heard.
            _ if session.is_leaving() => false,
            None => !session.is_over(),
            Some(last_heard) => last_heard.elapsed() < tolerance,
        };
        let others = open.all().filter(|session| !is_itself(session));
        let Some(holder) = others.into_iter().find(holds) else { return Ok(()) };
        let message = format!(
            "the exclusive slave is held by connection {} of master {}",
            holder.peer.connection, holder.peer.master
        );
        Err(Refusal::because(ErrorCode::SlaveTaken, message))
    }

    /// The other sessions of the same master under the same name.
    pub(super) fn kin(&self, session: &Session) -> Vec<Arc<Session>> {
        let open = self.lock();
        open.kin(session).iter().filter(|other| other.id != session.id).cloned().collect()
    }

    pub(crate) fn remove(&self, id: SessionId) {
        self.lock().remove(id);
    }

    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Masters that have a session.
    pub(crate) fn owners(&self) -> usize {
        self.lock().owners()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        self.lock().all().cloned().collect()
    }

    pub(super) fn add_orphan(&self) {
        self.orphans.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn remove_orphan(&self) {
        self.orphans.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether results of closed sessions wait for their owner.
    pub(super) fn has_orphans(&self) -> bool {
        self.orphans.load(Ordering::Acquire) > 0
    }

    /// Makes a Welcome, after which the session is told what all are told. Under the table's lock,
    /// so that no change falls between what Welcome says and what is told after it.
    pub(super) fn welcome(&self, session: &Session, welcome: impl FnOnce() -> Frame) -> Frame {
        let _open = self.lock();
        session.welcomed.store(true, Ordering::Relaxed);
        welcome()
    }

    pub(crate) fn tell_all(&self, frame: &Frame) {
        let open = self.lock();
        let welcomed = |session: &&Arc<Session>| session.welcomed.load(Ordering::Relaxed);
        open.all().filter(welcomed).for_each(|session| session.send(frame.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fenced(master: MasterId) -> Refusal {
    let message = format!("a newer life of master {master} has taken its place");
    Refusal::because(ErrorCode::Fenced, message)
}
