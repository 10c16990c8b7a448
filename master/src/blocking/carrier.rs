//! The runtime of the library's own: one thread, which ends with its last handle.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::wait::{block_on, is_inside_runtime};
use crate::error::InsideRuntime;

/// As the thread is seen in tools; Linux shows 15 bytes.
const NAME: &str = "selsyn-blocking";

/// Time for connections to detach and for callbacks to return once the last handle is gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two looks at what is left then: there is no event for it.
const LOOK: Duration = Duration::from_millis(1);

/// A handle to the thread that carries the connections. Everything that may wait holds one.
pub(super) struct Carrier {
    handle: Handle,
    thread: ThreadId,
    /// Dropping it tells the thread that it is not needed any more; nobody waits for the thread,
    /// so that handles may be dropped in async code too.
    _needed: oneshot::Sender<()>,
}

impl Carrier {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Arc<Self>> {
        let runtime = Builder::new_current_thread().enable_all().thread_name(NAME).build()?;
        let handle = runtime.handle().clone();
        let (needed, not_needed) = oneshot::channel();
        let carrying = move || carry(runtime, not_needed);
        let thread = thread::Builder::new().name(NAME.to_owned()).spawn(carrying)?;
        Ok(Arc::new(Self { handle, thread: thread.thread().id(), _needed: needed }))
    }

    /// Says no where a wait would hold up an async runtime, this one or another.
    pub(super) fn may_wait(&self, call: &'static str) -> Result<(), InsideRuntime> {
        // The own thread is refused also where a wait in a drop would not show.
        if thread::current().id() == self.thread {
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
        let _entered = self.handle.enter();
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

/// The thread: carries until it is not needed, and then what still runs, for a bounded time.
fn carry(runtime: Runtime, not_needed: oneshot::Receiver<()>) {
    let metrics = runtime.metrics();
    runtime.block_on(async {
        // Nobody sends: the wait ends when the sender is dropped.
        let _ = not_needed.await;
        let ended = async {
            while metrics.num_alive_tasks() > 0 {
                sleep(LOOK).await;
            }
        };
        // What is not over by now is dropped with the runtime, and ends as dropped tasks do.
        let _ = timeout(PATIENCE, ended).await;
    });
    // A thread that resolves a name, or a callback's own, must not keep this one.
    runtime.shutdown_background();
}
