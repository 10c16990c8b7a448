//! Holds code until a test lets it go.

use std::sync::Arc;

use tokio::sync::watch;

/// A gate with two states. Clones are the same gate (DI-engine: `DblEvent`).
///
/// ```
/// use selsyn_testing::Gate;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let gate = Gate::closed();
/// let waiter = tokio::spawn({
///     let gate = gate.clone();
///     async move { gate.opened().await }
/// });
/// gate.open();
/// waiter.await.unwrap();
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Gate(Arc<watch::Sender<bool>>);

impl Gate {
    /// A gate that lets nobody through yet.
    pub fn closed() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Lets everybody through, those who wait and those who come.
    pub fn open(&self) {
        self.0.send_replace(true);
    }

    /// Lets nobody through any more.
    pub fn close(&self) {
        self.0.send_replace(false);
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is open.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn opened(&self) {
        self.reaches(true).await;
    }

    /// Waits until it is closed.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn is_closed(&self) {
        self.reaches(false).await;
    }

    async fn reaches(&self, wanted: bool) {
        let mut state = self.0.subscribe();
        // The sender lives in self: the wait cannot fail.
        let _ = state.wait_for(|open| *open == wanted).await;
    }
}
