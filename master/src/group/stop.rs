//! Tells the members of a group to stop.

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;

use selsyn_common::StopSignal;
use tokio_util::sync::CancellationToken;

/// Tells the members of a group to stop; the first reason counts.
#[derive(Debug, Default)]
pub(super) struct GroupStop {
    why: OnceLock<String>,
    token: CancellationToken,
}

impl GroupStop {
    pub(super) fn stop(&self, why: String) {
        // The reason first: who hears of the stop asks for it.
        let _ = self.why.set(why);
        self.token.cancel();
    }
}

impl StopSignal for GroupStop {
    fn reason(&self) -> Option<String> {
        self.why.get().cloned()
    }

    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.token.cancelled())
    }
}
