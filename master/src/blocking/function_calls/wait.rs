//! Waits until at least one of several tasks has ended.

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use selsyn_common::TaskUid;

use crate::blocking::carrier::Carrier;
use crate::blocking::twins::sets;
use crate::control::WaitMonitor;
use crate::function_call::{TaskState, WaitTasksError};

/// A wait for tasks, about to begin, as [`crate::WaitForTasks`].
#[derive(Debug)]
#[must_use = "nothing waits before wait()"]
pub struct WaitForTasks {
    inner: crate::WaitForTasks,
    carrier: Arc<Carrier>,
}

impl WaitForTasks {
    pub(super) const fn new(inner: crate::WaitForTasks, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier }
    }

    sets! { crate::WaitForTasks:
        timeout(limit: Duration);
        monitor(monitor: &WaitMonitor);
        not_found_is_completed(yes: bool);
    }

    /// Waits; stands where the async form has `.await`.
    ///
    /// # Errors
    ///
    /// As there; E0601 in async code.
    pub fn wait(self) -> Result<BTreeMap<TaskUid, TaskState>, WaitTasksError> {
        self.carrier.wait("wait_for_completed_task()", self.inner.into_future())?
    }
}
