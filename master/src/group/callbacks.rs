//! What runs at the end of a group.

use crate::callback_threads;
use crate::delivery::{caught, caught_async};
use crate::group::GroupOutcome;
use crate::hooks::Boxed;

type OnEnd = Box<dyn FnOnce(&GroupOutcome) + Send>;
type OnEndAsync = Box<dyn FnOnce(GroupOutcome) -> Boxed<()> + Send>;

/// A callback of the user.
pub(super) struct Callback {
    /// Runs when the group has completed, else when it has not.
    pub(super) wants_completed: bool,
    pub(super) code: Code,
}

/// What it does.
pub(super) enum Code {
    Sync(OnEnd),
    Async(OnEndAsync),
}

impl Callback {
    /// Runs it if the end calls for it; gives the message of its panic.
    pub(super) async fn tell(self, outcome: GroupOutcome) -> Option<String> {
        if self.wants_completed != outcome.is_completed() {
            return None;
        }
        match self.code {
            Code::Sync(f) => callback_threads::run(move || caught(|| f(&outcome))).await?,
            Code::Async(f) => caught_async(async move { f(outcome).await }).await,
        }
    }
}
