//! What happens to a task, as an iterator for whoever wants to watch.

use std::sync::Arc;

use super::InsideRuntime;
use super::carrier::Carrier;
use crate::events::TaskEvent;

/// The events of one task, from where it stands when they are asked for until its end. Each
/// `next()` waits for one.
///
/// In async code it gives [`InsideRuntime`] once, and ends.
///
/// ```no_run
/// # use selsyn_master::blocking::{InsideRuntime, RunningTask};
/// # fn example(running: RunningTask) -> Result<(), InsideRuntime> {
/// for event in running.events() {
///     println!("{:?}", event?);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Events {
    inner: crate::Events,
    carrier: Arc<Carrier>,
    refused: bool,
}

impl Events {
    pub(super) const fn new(inner: crate::Events, carrier: Arc<Carrier>) -> Self {
        Self { inner, carrier, refused: false }
    }
}

impl Iterator for Events {
    type Item = Result<TaskEvent, InsideRuntime>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.refused {
            return None;
        }
        let next = self.carrier.wait("events().next()", self.inner.next());
        // An error that came for ever would hang whoever skips errors.
        self.refused = next.is_err();
        next.transpose()
    }
}
