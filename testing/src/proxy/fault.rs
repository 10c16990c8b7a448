//! What a proxy can do to the bytes between a master and a slave, and the count of what it did.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// Where bytes flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the side that dialled to the side that listens.
    ToSlave,
    /// From the side that listens to the side that dialled.
    ToMaster,
}

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Both sides hear a reset (RST); what was under way is lost.
    Reset,
    /// Both sides see the end of the stream (FIN) in the middle of whatever was said.
    Close,
    /// Only the receiver of this direction sees the end; what its sender says from now on is
    /// swallowed. The other direction goes on.
    HalfClose,
}

/// Something that goes wrong between a master and a slave.
///
/// `Delay`, `Slow`, `Slice`, `Stall` and `BlackHole` last until
/// [`heal`](crate::FaultProxy::heal), for connections that are there and for those to come. The
/// others happen once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Bytes take longer, both ways: `by` and up to `jitter` more. Their order stays.
    Delay {
        /// The least time that a byte takes.
        by: Duration,
        /// What it takes at most in addition.
        jitter: Duration,
    },
    /// At most so many bytes a second pass, each way; 0 counts as 1.
    Slow {
        /// Bytes a second.
        bytes_per_second: u64,
    },
    /// Every byte is sent by itself; a receiver that is slow may still find several.
    Slice,
    /// Nothing passes this way; nothing is closed.
    Stall(Direction),
    /// Nothing passes either way, nothing is closed, and new connections hear nothing.
    BlackHole,
    /// Every open connection ends by [`Ending::Reset`], now. Without one nothing happens, and
    /// nothing is counted.
    Reset,
    /// The newest connection ends this way by [`Ending::HalfClose`], now. Without one nothing
    /// happens, and nothing is counted.
    HalfClose(Direction),
    /// Ends the newest connection as soon as so many more bytes have passed; one that ends before
    /// leaves it to the next one.
    CutAfter {
        /// The way that is counted.
        direction: Direction,
        /// The bytes that still pass.
        bytes: u64,
        /// How it ends.
        ending: Ending,
    },
    /// The next connection is dialled twice: the slave gets a second one that says the same first
    /// bytes, and is then silent until the first one ends.
    DuplicateConnect {
        /// The bytes that are said twice.
        bytes: usize,
    },
}

/// A fault without its numbers, for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FaultKind {
    /// [`Fault::Delay`].
    Delay,
    /// [`Fault::Slow`].
    Slow,
    /// [`Fault::Slice`].
    Slice,
    /// [`Fault::Stall`].
    Stall,
    /// [`Fault::BlackHole`].
    BlackHole,
    /// [`Fault::Reset`].
    Reset,
    /// [`Fault::HalfClose`].
    HalfClose,
    /// [`Fault::CutAfter`].
    Cut,
    /// [`Fault::DuplicateConnect`].
    DuplicateConnect,
}

impl Direction {
    /// The other way.
    pub const fn opposite(self) -> Self {
        match self {
            Self::ToSlave => Self::ToMaster,
            Self::ToMaster => Self::ToSlave,
        }
    }
}

impl Fault {
    /// What kind it is.
    pub const fn kind(&self) -> FaultKind {
        match self {
            Self::Delay { .. } => FaultKind::Delay,
            Self::Slow { .. } => FaultKind::Slow,
            Self::Slice => FaultKind::Slice,
            Self::Stall(_) => FaultKind::Stall,
            Self::BlackHole => FaultKind::BlackHole,
            Self::Reset => FaultKind::Reset,
            Self::HalfClose(_) => FaultKind::HalfClose,
            Self::CutAfter { .. } => FaultKind::Cut,
            Self::DuplicateConnect { .. } => FaultKind::DuplicateConnect,
        }
    }

    /// Whether it lasts until it is healed; the others happen once.
    pub const fn lasts(&self) -> bool {
        match self {
            Self::Delay { .. }
            | Self::Slow { .. }
            | Self::Slice
            | Self::Stall(_)
            | Self::BlackHole => true,
            Self::Reset
            | Self::HalfClose(_)
            | Self::CutAfter { .. }
            | Self::DuplicateConnect { .. } => false,
        }
    }
}

/// Faults that really had an effect, by kind. Each injected fault counts once, when it first
/// touches a connection: a stall that no byte met, or a cut that was never reached, does not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied(BTreeMap<FaultKind, u64>);

impl Applied {
    /// How many of this kind.
    pub fn of(&self, kind: FaultKind) -> u64 {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    pub(super) fn count(&mut self, kind: FaultKind) {
        *self.0.entry(kind).or_default() += 1;
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no fault");
        }
        let kinds: Vec<_> =
            self.0.iter().map(|(kind, count)| format!("{count} {kind:?}")).collect();
        f.write_str(&kinds.join(", "))
    }
}
