//! What a connection looks like, and which way it may go from there.
//!
//! ```text
//! Dialing ──welcomed──▶ Connected ◀──heard── Suspect ──silent / broken──▶ Unreachable
//!    │  ▲                   │ ──silent──▶       ▲                           │
//!    │  └───────────────────┼───────────────────┼────── welcomed ◀──────────┘
//!    │                      └──told──▶ Draining ┘
//!    └──given up──▶ Failed ◀──refused── Unreachable          any ──closed──▶ Closed
//! ```
//!
//! Pure: `dispatch` carries causes in and follows what comes out.

#![deny(clippy::wildcard_enum_match_arm)]

use std::fmt;

/// What a connection looks like. A view: it ends no task by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// It has never been up, and is being dialled.
    Dialing,
    /// A session is open.
    Connected,
    /// A session is open, and the slave has been silent for longer than `suspect_after`.
    Suspect,
    /// A session is open, and the slave takes no new tasks.
    Draining,
    /// It was up; the stream broke or the slave was silent for too long. It is re-dialled.
    Unreachable,
    /// It was given up: its attempts are spent before it was ever up, or the slave refused it for
    /// good, perhaps when it was re-dialled. Final.
    Failed,
    /// It was disconnected, detached or dropped. Final.
    Closed,
}

/// What can happen to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The slave said Welcome.
    Welcomed,
    /// A frame was heard.
    Heard,
    /// Nothing was heard for `suspect_after`.
    Silent,
    /// The slave said Draining.
    Draining,
    /// The stream broke, or nothing was heard for the tolerance.
    Broken,
    /// The attempts are spent, or the slave has refused it for good.
    GivenUp,
    /// It was disconnected, detached or dropped.
    Closed,
}

impl ConnectionState {
    /// Whether a session is open.
    pub const fn is_up(self) -> bool {
        match self {
            Self::Connected | Self::Suspect | Self::Draining => true,
            Self::Dialing | Self::Unreachable | Self::Failed | Self::Closed => false,
        }
    }

    /// Whether nothing can change it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Failed | Self::Closed)
    }

    /// Where a change leads; the same state where it means nothing.
    pub(crate) const fn after(self, change: Change) -> Self {
        match (self, change) {
            (Self::Failed | Self::Closed, _) => self,
            (_, Change::Closed) => Self::Closed,
            (Self::Dialing | Self::Unreachable, Change::Welcomed) => Self::Connected,
            (Self::Dialing | Self::Unreachable, Change::GivenUp) => Self::Failed,
            (Self::Suspect, Change::Heard) => Self::Connected,
            (Self::Connected, Change::Silent) => Self::Suspect,
            (Self::Connected | Self::Suspect, Change::Draining) => Self::Draining,
            (Self::Connected | Self::Suspect | Self::Draining, Change::Broken) => Self::Unreachable,
            (
                Self::Dialing
                | Self::Connected
                | Self::Suspect
                | Self::Draining
                | Self::Unreachable,
                _,
            ) => self,
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn change() -> impl Strategy<Value = Change> {
        prop::sample::select(vec![
            Change::Welcomed,
            Change::Heard,
            Change::Silent,
            Change::Draining,
            Change::Broken,
            Change::GivenUp,
            Change::Closed,
        ])
    }

    #[test]
    fn giving_a_connection_up_is_final_wherever_it_is_dialled() {
        let up = ConnectionState::Dialing.after(Change::Welcomed);
        let away = up.after(Change::Broken);
        for dialled in [ConnectionState::Dialing, away] {
            let given_up = dialled.after(Change::GivenUp);
            assert_eq!(given_up, ConnectionState::Failed);
            assert_eq!(given_up.after(Change::Welcomed), ConnectionState::Failed);
        }
    }

    #[test]
    fn a_suspected_slave_that_speaks_is_trusted_again() {
        let suspect = ConnectionState::Connected.after(Change::Silent);
        assert_eq!(suspect.after(Change::Heard), ConnectionState::Connected);
    }

    #[test]
    fn a_draining_slave_stays_draining_whatever_it_says() {
        let draining = ConnectionState::Connected.after(Change::Draining);
        assert_eq!(draining.after(Change::Heard), ConnectionState::Draining);
        assert_eq!(draining.after(Change::Silent), ConnectionState::Draining);
    }

    proptest! {
        #[test]
        fn only_a_welcome_opens_a_connection(changes in prop::collection::vec(change(), 0..30)) {
            let mut state = ConnectionState::Dialing;
            for change in changes {
                let next = state.after(change);
                prop_assert!(state.is_up() || !next.is_up() || change == Change::Welcomed);
                prop_assert!(!state.is_final() || next == state);
                state = next;
            }
        }
    }
}
