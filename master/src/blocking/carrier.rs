//! What a program without a runtime waits with: the thread that carries its connections.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::wait::{block_on, is_inside_runtime};
use crate::driver::Driver;
use crate::error::InsideRuntime;

/// As the thread is seen in tools.
const NAME: &str = "selsyn-blocking";

/// A handle to the thread that carries the connections. Everything that may wait holds one.
pub(super) struct Carrier(Driver);

impl Carrier {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Arc<Self>> {
        Driver::start(NAME).map(|driver| Arc::new(Self(driver)))
    }

    /// Says no where a wait would hold up an async runtime, this one or another.
    pub(super) fn may_wait(&self, call: &'static str) -> Result<(), InsideRuntime> {
        // The own thread is refused also where a wait in a drop would not show.
        if self.0.is_here() {
            return Err(InsideRuntime { call });
        }
        may_wait(call)
    }

    /// Runs a future to its end on the calling thread; its timers and sockets are the carrier's.
    pub(super) fn wait<T>(
        &self,
        call: &'static str,
        future: impl Future<Output = T>,
    ) -> Result<T, InsideRuntime> {
        self.may_wait(call)?;
        Ok(self.run(future))
    }

    /// As [`Self::wait`], for those who have asked [`Self::may_wait`].
    pub(super) fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let _entered = self.0.handle().enter();
        block_on(future)
    }
}

/// As [`Carrier::may_wait`], where there is no carrier yet.
pub(super) fn may_wait(call: &'static str) -> Result<(), InsideRuntime> {
    if is_inside_runtime() { Err(InsideRuntime { call }) } else { Ok(()) }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Carrier")
    }
}
