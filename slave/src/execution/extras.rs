//! What user code asks for beyond its run.
//!
//! Made at the first question: a run that asks for nothing pays for nothing.

use std::fmt;
use std::sync::atomic::AtomicU8;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use selsyn_common::{LogTail, Parts};

use super::abort::AbortCallbacks;
use super::arguments::Arguments;
use super::input::Inbox;
use super::logger::LoggerLevel;

/// What one run has asked for so far.
pub(crate) struct Extras {
    pub(super) callbacks: AbortCallbacks,
    pub(super) inbox: Inbox,
    pub(super) arguments: OnceLock<Arguments>,
    /// The code that user code ended with early; the first one counts.
    pub(super) exit: OnceLock<i32>,
    /// CPU time that its thread took, once it is known.
    pub(super) cpu: OnceLock<Duration>,
    pub(super) logger_level: AtomicU8,
    log: Mutex<LogTail>,
    parts: Mutex<Parts>,
}

impl Extras {
    pub(super) fn log(&self) -> MutexGuard<'_, LogTail> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parts that it has reported. Locked after the state of the record, if both are.
    pub(crate) fn parts(&self) -> MutexGuard<'_, Parts> {
        self.parts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The run is over: nothing will call, or come, any more.
    pub(crate) fn close(&self) {
        // The inbox first: what a callback drops may panic.
        self.inbox.close();
        self.callbacks.close();
    }

    /// Takes down the CPU time of the thread that user code had to itself.
    pub(crate) fn took(&self, cpu: Duration) {
        self.cpu.get_or_init(|| cpu);
    }
}

impl Default for Extras {
    fn default() -> Self {
        Self {
            callbacks: AbortCallbacks::default(),
            inbox: Inbox::default(),
            arguments: OnceLock::new(),
            exit: OnceLock::new(),
            cpu: OnceLock::new(),
            logger_level: AtomicU8::new(LoggerLevel::default() as u8),
            log: Mutex::default(),
            parts: Mutex::default(),
        }
    }
}

impl fmt::Debug for Extras {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extras").field("exit", &self.exit).finish_non_exhaustive()
    }
}
