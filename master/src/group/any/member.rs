//! What a search knows of one member of its group.

use std::time::Duration;

use selsyn_common::BootId;
use tokio::time::Instant;

use crate::connection::{Connection, ConnectionState};
use crate::error::{NotStarted, StartError};
use crate::group::choice::{Candidate, Next};

/// Pause at least between two tries on one slave, whatever it says: it shall not be flooded.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// A member of the group.
pub(super) struct Member {
    pub(super) connection: Connection,
    /// What it looked like when it was last looked at.
    pub(super) seen: ConnectionState,
    /// What it said last.
    said: Option<StartError>,
    out: Out,
}

/// How long a member is not asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Out {
    No,
    Until(Instant),
    /// Until another slave, or another life of it, answers there. It is about to go.
    Leaving(Option<BootId>),
    /// The same, and nothing says that it goes.
    Staying(Option<BootId>),
}

impl Member {
    pub(super) fn new(connection: Connection) -> Self {
        let seen = connection.state();
        Self { connection, seen, said: None, out: Out::No }
    }

    pub(super) fn refused(&mut self, said: StartError, next: Next) {
        let boot = self.connection.link().boot_id();
        self.out = match next {
            Next::Again(pause) => {
                let again = Instant::now().checked_add(pause.max(MIN_PAUSE));
                again.map_or(Out::Staying(boot), Out::Until)
            }
            Next::WhenBack => Out::Leaving(boot),
            Next::Elsewhere | Next::Over => Out::Staying(boot),
        };
        self.said = Some(said);
    }

    pub(super) fn look(&mut self, now: Instant) -> Candidate {
        self.seen = self.connection.state();
        let link = self.connection.link();
        let is_out = match self.out {
            Out::No => false,
            Out::Until(again) => now < again,
            Out::Leaving(boot) | Out::Staying(boot) => link.boot_id() == boot,
        };
        Candidate { state: self.seen, room: link.room(), is_out }
    }

    /// When it may be asked again, if its connection is up.
    pub(super) fn again(&self) -> Option<Instant> {
        match self.out {
            Out::Until(again) if self.seen.is_up() => Some(again),
            Out::No | Out::Until(_) | Out::Leaving(_) | Out::Staying(_) => None,
        }
    }

    /// Whether there is nothing to wait for: it is gone, or up and of another mind.
    pub(super) fn never_will(&self) -> bool {
        self.seen.is_final() || (self.seen.is_up() && matches!(self.out, Out::Staying(_)))
    }

    /// What it said last; in its place, if it said nothing.
    pub(super) fn last_word(self, task: &NotStarted, waited: Duration) -> StartError {
        let (task, connection) = (task.clone(), self.connection.name().to_owned());
        let link = self.connection.link();
        match (self.said, link.why_given_up().map(Box::new)) {
            (_, Some(source)) => StartError::NotConnected { task, connection, source },
            (Some(said), None) => said,
            (None, None) if self.seen.is_final() => StartError::Closed { task, connection },
            (None, None) => {
                let source = link.last_dial().map(Box::new);
                StartError::Deadline { task, connection, waited, source }
            }
        }
    }
}
