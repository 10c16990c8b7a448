//! How frames cross from one side to the other, as pure state machines.
//!
//! ```text
//!        ┌─ control ─┐
//! send ─▶├─ status ──┤─▶ Departures ──batches, ack──▶ a stream ──▶ Arrivals ─▶ Assemblies ─▶ deal with it
//!        └─ bulk ────┘   written, kept until            any frame ─▶ Contact     whole again
//!         (credit)       acknowledged
//! ```
//!
//! A [`line::Line`] is one side's end of a session and outlives every stream; an
//! [`outbox::Outbox`] is the thin shell that many hands and one stream share. Nothing here knows a
//! socket, a clock or a task: time is an argument.

pub mod assembly;
pub mod batch;
pub mod bulk;
pub mod contact;
pub mod departures;
mod frames;
pub mod greeting;
pub mod lanes;
pub mod line;
pub mod numbering;
pub mod outbox;
pub mod quick;
mod room;
mod spare;
pub mod verdicts;
mod written;

use std::fmt;
use std::time::Duration;

use prost::Message;

use crate::{ExecutionId, proto};
use quick::Quick;

/// Bytes of a payload that travel in one frame; a larger payload travels in parts of this size at
/// the least, save the last one.
pub const PART_BYTES: usize = 64 * 1024;

/// Bytes of a part at the most.
pub const MAX_PART_BYTES: usize = 2 * PART_BYTES;

/// Largest frame of HTTP/2: it holds a part and what is around it, so that a part is written at
/// once, and read at once.
pub const HTTP2_FRAME_BYTES: u32 = 16 * 1024 + MAX_PART_BYTES as u32;

/// Largest frame that is read: a part, or a frame's own payloads and texts, with room to spare.
pub const MAX_FRAME_BYTES: usize = 4 * 1024 * 1024;

/// Largest payload that goes with Hello and Welcome, which do not travel in parts.
pub const MAX_GREETING_BYTES: usize = 1024 * 1024;

/// Which way a frame takes out of the house.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Small frames that must not be lost.
    Control,
    /// A verdict: a control frame that does not overtake what its execution has shown before.
    Verdict,
    /// Progress and logs: the newest matter, may be dropped, and are counted.
    Status,
    /// The last word of a session: it overtakes nothing, not even a part.
    Last,
}

/// What the link needs to know of a frame.
pub trait Frame: Message + Quick + Default + Clone + fmt::Debug {
    /// What the other side sends.
    type Peer: Frame<Peer = Self>;

    /// The way it takes.
    fn lane(&self) -> Lane;

    /// Whether it carries a number; see the rules in `session.proto`.
    fn is_numbered(&self) -> bool;

    /// A frame that says nothing but that its sender lives.
    fn beat() -> Self;

    /// A frame that carries a piece of a payload.
    fn part(part: proto::Part) -> Self;

    /// The piece it carries, if it is such a frame.
    fn as_part(&self) -> Option<&proto::Part>;

    /// The execution whose data or outcome it carries.
    fn execution(&self) -> Option<ExecutionId>;

    /// Shows its payloads, in the order of its fields.
    fn each_payload(&mut self, see: impl FnMut(&mut proto::Payload));

    /// Makes a frame that asks for an execution one that forbids it; leaves any other alone.
    fn withdraw(&mut self);

    /// Whether it names a time that is left.
    fn has_deadline(&self) -> bool;

    /// Shortens the time that it names.
    fn age(&mut self, by: Duration);
}
