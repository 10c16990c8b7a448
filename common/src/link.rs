//! How frames cross one stream, as pure state machines.
//!
//! ```text
//! send ─▶ Lanes ──pop──▶ Numbering ──stamp(seq, ack)──▶ the stream ──▶ Arrivals ─▶ deal with it
//!         control                                                      new · again · missing
//!         status (lossy)                        any frame ─▶ Contact: Connected │ Suspect │ …
//! ```
//!
//! Nothing here knows a socket, a clock or a task: time is an argument.

pub mod contact;
pub mod greeting;
pub mod lanes;
pub mod numbering;
pub mod outbox;

use crate::proto;

/// Which way a frame takes out of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Small frames that must not be lost.
    Control,
    /// A verdict: a control frame that does not overtake what its execution has shown before.
    Verdict,
    /// Progress and logs: the newest matter, may be dropped, and are counted.
    Status,
}

/// What the link needs to know of a frame.
pub trait Frame {
    /// The way it takes.
    fn lane(&self) -> Lane;

    /// Whether it carries a number; see the rules in `session.proto`.
    fn is_numbered(&self) -> bool;

    /// Writes number and ack into it.
    fn stamp(&mut self, seq: u64, ack: u64);

    /// Its number and the ack it carries.
    fn stamps(&self) -> (u64, u64);
}

impl Frame for proto::FromMaster {
    fn lane(&self) -> Lane {
        Lane::Control
    }

    fn is_numbered(&self) -> bool {
        use proto::from_master::Frame as F;
        !matches!(self.frame, Some(F::Hello(_) | F::Heartbeat(_) | F::Violation(_)))
    }

    fn stamp(&mut self, seq: u64, ack: u64) {
        (self.seq, self.ack) = (seq, ack);
    }

    fn stamps(&self) -> (u64, u64) {
        (self.seq, self.ack)
    }
}

impl Frame for proto::FromSlave {
    fn lane(&self) -> Lane {
        use proto::from_slave::Frame as F;
        match self.frame {
            Some(F::Output(_)) => Lane::Status,
            Some(F::Finished(_)) => Lane::Verdict,
            _ => Lane::Control,
        }
    }

    fn is_numbered(&self) -> bool {
        use proto::from_slave::Frame as F;
        !matches!(
            self.frame,
            Some(F::Welcome(_) | F::Rejected(_) | F::Heartbeat(_) | F::Violation(_) | F::Output(_))
        )
    }

    fn stamp(&mut self, seq: u64, ack: u64) {
        (self.seq, self.ack) = (seq, ack);
    }

    fn stamps(&self) -> (u64, u64) {
        (self.seq, self.ack)
    }
}
