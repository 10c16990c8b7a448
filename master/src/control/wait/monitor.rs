//! Looks at a wait from elsewhere, tells how it goes on, and ends it.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::WaitLook;

/// Shortest pause between two looks: each asks the slave twice.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// Looks at a wait from elsewhere, and cancels it (bluesky: `WaitMonitor`); tells how it goes on,
/// if asked to (PyODPS: the lines of `wait_for_completion`). Clones look at the same wait; one
/// monitor is for one wait.
///
/// For the waits of [`Control`](crate::Control), by
/// [`with_monitor`](crate::Control::with_monitor), and of
/// [`WaitForTasks`](crate::WaitForTasks), by [`monitor`](crate::WaitForTasks::monitor).
///
/// ```
/// use std::time::Duration;
/// use selsyn_master::WaitMonitor;
///
/// let monitor = WaitMonitor::new().every(Duration::from_secs(5), |look| {
///     for line in look.lines() {
///         println!("{line}");
///     }
/// });
/// assert_eq!(monitor.elapsed(), Duration::ZERO);
/// ```
#[derive(Clone, Debug, Default)]
pub struct WaitMonitor {
    inner: Arc<Inner>,
    every: Option<Arc<Every>>,
}

#[derive(Debug, Default)]
struct Inner {
    begun: OnceLock<Begun>,
    cancel: CancellationToken,
}

#[derive(Debug)]
struct Begun {
    time: SystemTime,
    instant: Instant,
    limit: Option<Duration>,
}

type Tell = Box<dyn FnMut(&WaitLook) + Send>;

/// Who is told, and how often.
struct Every {
    pause: Duration,
    tell: Mutex<Tell>,
}

impl WaitMonitor {
    /// A monitor for a wait that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls `tell` each time that `pause` has passed, until the wait is over; at most 100 times a
    /// second. It is called where the wait is awaited, so it should not block. That it panics, or
    /// that the slave cannot be asked, does not affect the wait. A clone that was made before is
    /// not told.
    #[must_use]
    pub fn every(self, pause: Duration, tell: impl FnMut(&WaitLook) + Send + 'static) -> Self {
        let every = Every { pause: pause.max(MIN_PAUSE), tell: Mutex::new(Box::new(tell)) };
        Self { every: Some(Arc::new(every)), ..self }
    }

    pub(crate) fn begin(&self, limit: Option<Duration>) {
        let begin = || Begun { time: SystemTime::now(), instant: Instant::now(), limit };
        self.inner.begun.get_or_init(begin);
    }

    /// When the wait began; `None` before.
    pub fn time_start(&self) -> Option<SystemTime> {
        self.inner.begun.get().map(|begun| begun.time)
    }

    /// How long ago it began; zero before.
    pub fn elapsed(&self) -> Duration {
        self.inner.begun.get().map(|begun| begun.instant.elapsed()).unwrap_or_default()
    }

    /// The limit of the wait; `None` before it began, and where there is none.
    pub fn limit(&self) -> Option<Duration> {
        self.inner.begun.get().and_then(|begun| begun.limit)
    }

    /// Ends the wait; what is waited for goes on.
    pub fn cancel(&self) {
        self.inner.cancel.cancel();
    }

    /// Whether the wait was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.inner.cancel.is_cancelled()
    }

    pub(crate) async fn cancelled(&self) {
        self.inner.cancel.cancelled().await;
    }

    /// The pause between two looks, if anybody wants to be told.
    pub(super) fn pause(&self) -> Option<Duration> {
        self.every.as_ref().map(|every| every.pause)
    }

    pub(super) fn tell(&self, look: &WaitLook) {
        let Some(every) = &self.every else { return };
        let mut tell = every.tell.lock().unwrap_or_else(PoisonError::into_inner);
        if catch_unwind(AssertUnwindSafe(|| tell(look))).is_err() {
            warn!("the callback of a wait's monitor panicked; the wait goes on");
        }
    }
}

impl fmt::Debug for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Every").field("pause", &self.pause).finish_non_exhaustive()
    }
}
