//! What time it is while the frames of one batch are dealt with.

use tokio::time::Instant;

/// A clock that is read as seldom as the figures of a run allow: reading it costs a good part of
/// a small task.
#[derive(Debug)]
pub(crate) struct Clock {
    came: Instant,
    last: Option<Instant>,
}

impl Clock {
    /// A batch has come at this moment.
    pub(crate) const fn new(came: Instant) -> Self {
        Self { came, last: Some(came) }
    }

    /// When the batch came.
    pub(crate) const fn came(&self) -> Instant {
        self.came
    }

    /// The time, as it was read last: nothing has happened since that takes time.
    pub(crate) fn now(&mut self) -> Instant {
        self.last.unwrap_or_else(|| self.read())
    }

    /// Reads the time.
    pub(crate) fn read(&mut self) -> Instant {
        *self.last.insert(Instant::now())
    }

    /// Something was done that may have taken time.
    pub(crate) const fn passes(&mut self) {
        self.last = None;
    }
}
