//! Looks at a wait from elsewhere, and ends it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Looks at a wait from elsewhere, and cancels it (bluesky: `WaitMonitor`). Clones look at the same
/// wait; one monitor is for one wait.
#[derive(Clone, Debug, Default)]
pub struct WaitMonitor(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: OnceLock<Begun>,
    cancel: CancellationToken,
}

#[derive(Debug)]
struct Begun {
    time: SystemTime,
    instant: Instant,
    limit: Duration,
}

impl WaitMonitor {
    /// A monitor for a wait that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    pub(super) fn begin(&self, limit: Duration) {
        let begin = || Begun { time: SystemTime::now(), instant: Instant::now(), limit };
        self.0.begun.get_or_init(begin);
    }

    /// When the wait began; `None` before.
    pub fn time_start(&self) -> Option<SystemTime> {
        self.0.begun.get().map(|begun| begun.time)
    }

    /// How long ago it began; zero before.
    pub fn elapsed(&self) -> Duration {
        self.0.begun.get().map(|begun| begun.instant.elapsed()).unwrap_or_default()
    }

    /// The limit of the wait; `None` before it began.
    pub fn limit(&self) -> Option<Duration> {
        self.0.begun.get().map(|begun| begun.limit)
    }

    /// Ends the wait; what is waited for goes on.
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }

    /// Whether the wait was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancel.is_cancelled()
    }

    pub(super) async fn cancelled(&self) {
        self.0.cancel.cancelled().await;
    }
}
