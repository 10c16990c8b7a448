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
    turn: Turn,
}

impl Events {
    pub(super) const fn new(inner: crate::Events, carrier: Arc<Carrier>) -> Self {
        Self { inner, turn: Turn::new(carrier, "events().next()") }
    }
}

impl Iterator for Events {
    type Item = Result<TaskEvent, InsideRuntime>;

    fn next(&mut self) -> Option<Self::Item> {
        self.turn.next(self.inner.next())
    }
}

/// Waits for one item after the other, where that is allowed.
#[derive(Debug)]
pub(super) struct Turn {
    carrier: Arc<Carrier>,
    call: &'static str,
    refused: bool,
}

impl Turn {
    pub(super) const fn new(carrier: Arc<Carrier>, call: &'static str) -> Self {
        Self { carrier, call, refused: false }
    }

    /// The next item; after an error none, as one that came for ever would hang whoever skips
    /// errors.
    pub(super) fn next<T>(
        &mut self,
        item: impl Future<Output = Option<T>>,
    ) -> Option<Result<T, InsideRuntime>> {
        if self.refused {
            return None;
        }
        let next = self.carrier.wait(self.call, item);
        self.refused = next.is_err();
        next.transpose()
    }
}
