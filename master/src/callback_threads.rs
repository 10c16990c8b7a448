//! Where sync callbacks and sync hooks run: threads of the library's own, shared by all masters.
//!
//! Apart from the program's runtime: a callback that never returns must neither take a thread
//! that the program needs nor keep it from ending. At most 512 run at once, tokio's own bound for
//! blocking threads; beyond it callbacks wait for one to return.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

static SHARED: Mutex<Option<Runtime>> = Mutex::new(None);

/// Runs code that may block; `None` when it panicked, or no thread is to be had.
pub(crate) async fn run<T: Send + 'static>(code: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    shared()?.spawn_blocking(code).await.ok()
}

/// The handle to the threads. The runtime is never driven and never dropped: only its threads
/// are used, and they live as long as the process.
fn shared() -> Option<Handle> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.is_none() {
        let built = Builder::new_current_thread().thread_name("selsyn-callback").build();
        *shared = built.inspect_err(|error| tracing::error!(%error, "no callback threads")).ok();
    }
    shared.as_ref().map(|runtime| runtime.handle().clone())
}
