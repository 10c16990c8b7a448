//! A thread of the library's own that runs connections; it ends with its last handle.

use std::fmt;
use std::io;
use std::thread::{self, ThreadId};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

/// Time for connections to detach and for callbacks to return once the last handle is gone.
const PATIENCE: Duration = Duration::from_secs(1);

/// Between two looks at what is left then: there is no event for it.
const LOOK: Duration = Duration::from_millis(1);

/// A handle to the thread.
pub(crate) struct Driver {
    handle: Handle,
    thread: ThreadId,
    /// Dropping it tells the thread that it is not needed any more; nobody waits for the thread,
    /// so that handles may be dropped in async code too.
    _needed: oneshot::Sender<()>,
}

impl Driver {
    /// Starts a thread of that name; Linux shows 15 bytes of it.
    ///
    /// # Errors
    ///
    /// When the operating system gives no thread, or the runtime no timer and sockets.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().thread_name(name).build()?;
        let handle = runtime.handle().clone();
        let (needed, not_needed) = oneshot::channel();
        let driving = move || drive(runtime, not_needed);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(driving)?;
        Ok(Self { handle, thread: thread.thread().id(), _needed: needed })
    }

    /// Its runtime.
    pub(crate) const fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Whether the caller runs on it.
    pub(crate) fn is_here(&self) -> bool {
        thread::current().id() == self.thread
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

/// The thread: drives until it is not needed, and then what still runs, for a bounded time.
fn drive(runtime: Runtime, not_needed: oneshot::Receiver<()>) {
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
