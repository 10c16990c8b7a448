//! Where user functions run: one runtime a process, shared by all slaves in it.
//!
//! Apart from the runtime that serves the network, so that a function that hogs a thread delays
//! other functions and nothing else. It lives as long as the process.

use std::sync::{Mutex, PoisonError};

use tokio::runtime::{Builder, Handle, Runtime};

use crate::error::BuildError;

static SHARED: Mutex<Option<Runtime>> = Mutex::new(None);

/// The handle to the shared runtime; the first call starts it, with one worker a core.
pub(crate) fn shared() -> Result<Handle, BuildError> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.is_none() {
        let runtime = Builder::new_multi_thread()
            .thread_name("selsyn-function")
            .enable_all()
            .build()
            .map_err(BuildError::FunctionRuntime)?;
        *shared = Some(runtime);
    }
    let runtime = shared.as_ref().expect("it was started above");
    Ok(runtime.handle().clone())
}
