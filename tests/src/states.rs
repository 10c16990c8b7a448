//! Remembers what a connection looked like.

use std::sync::{Arc, Mutex, PoisonError};

use selsyn::{Connection, ConnectionState};
use tokio::task::JoinHandle;

/// The states of a connection, from when it is watched on.
#[derive(Debug)]
pub struct States {
    seen: Arc<Mutex<Vec<ConnectionState>>>,
    watcher: JoinHandle<()>,
}

impl States {
    /// Begins to watch, with what the connection looks like now.
    pub fn of(connection: &Connection) -> Self {
        let (mut last, connection) = (connection.state(), connection.clone());
        let seen = Arc::new(Mutex::new(vec![last]));
        let notes = Arc::clone(&seen);
        let watcher = tokio::spawn(async move {
            while !last.is_final() {
                last = connection.wait_until(|state| state != last).await;
                notes.lock().unwrap_or_else(PoisonError::into_inner).push(last);
            }
        });
        Self { seen, watcher }
    }

    /// What was seen so far, in order.
    pub fn seen(&self) -> Vec<ConnectionState> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for States {
    fn drop(&mut self) {
        self.watcher.abort();
    }
}
