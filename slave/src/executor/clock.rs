//! What time it is while the frames of one batch are dealt with.

use std::sync::LazyLock;
use std::time::Duration;

use tokio::time::Instant;

/// When the slave began. Its times are microseconds since then: to reckon with them costs a part
/// of what moments do, and they take half the room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    /// Begins now.
    pub(crate) fn begin() -> Self {
        // Here, as it measures the counter first, for a millisecond, on a busy machine for a fifth of a second.
        LazyLock::force(&COUNTER);
        Self(Instant::now())
    }

    /// The time.
    pub(crate) fn now(self) -> u64 {
        self.time_of(Instant::now())
    }

    /// The time at a moment.
    pub(crate) fn time_of(self, moment: Instant) -> u64 {
        let since = moment.saturating_duration_since(self.0);
        since.as_secs() * 1_000_000 + u64::from(since.subsec_micros())
    }

    /// The moment that ends such a span, if it has an end, and a clock reaches it.
    #[inline(always)]
    pub(crate) fn moment(self, begun: u64, span: Option<Duration>) -> Option<Instant> {
        // Most runs have no span that ends.
        self.end_of(begun, span?)
    }

    fn end_of(self, begun: u64, span: Duration) -> Option<Instant> {
        self.0.checked_add(Duration::from_micros(begun))?.checked_add(span)
    }
}

/// What is counted to take so long is looked at again, in microseconds: the counter may have jumped,
/// as when a machine is moved.
const LONG: u64 = 1_000_000;

/// Counts on between two looks at the system's clock, which takes three times as long to read.
static COUNTER: LazyLock<quanta::Clock> = LazyLock::new(quanta::Clock::new);

/// A clock that is read as seldom as the figures of a run allow: reading it costs a good part of
/// a small task.
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: Epoch,
    came: u64,
    /// What was counted when the batch came.
    counted: u64,
    last: Option<u64>,
}

impl Clock {
    /// A batch has come at this moment.
    pub(crate) fn new(epoch: Epoch, came: Instant) -> Self {
        let came = epoch.time_of(came);
        Self { epoch, came, counted: COUNTER.raw(), last: Some(came) }
    }

    /// When the batch came.
    pub(crate) const fn came(&self) -> u64 {
        self.came
    }

    /// The time, as it was read last: nothing has happened since that takes time.
    #[inline]
    pub(crate) fn now(&mut self) -> u64 {
        self.last.unwrap_or_else(|| self.read())
    }

    /// Reads the time.
    pub(crate) fn read(&mut self) -> u64 {
        let passed = COUNTER.delta_as_nanos(self.counted, COUNTER.raw()) / 1_000;
        let now = if passed < LONG { self.came + passed } else { self.epoch.now() };
        *self.last.insert(now)
    }

    /// Whether it was read last at a later time.
    pub(crate) fn is_later_than(&self, time: u64) -> bool {
        self.last.is_some_and(|last| last > time)
    }

    /// Something was done that may have taken time.
    pub(crate) const fn passes(&mut self) {
        self.last = None;
    }
}
