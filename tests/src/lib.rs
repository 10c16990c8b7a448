//! What Selsyn promises, one file a promise. The tests are in the folders beside this one.
//!
//! Here is what only Selsyn's own tests need: peers that a test plays frame by frame, a reader of
//! log lines, a watcher of connections, the memory of a process, and the yardstick of unary calls.

mod fake_slave;
mod log_lines;
pub mod memory;
pub mod raw_master;
mod states;
pub mod unary;

use std::net::{SocketAddr, TcpListener};

use selsyn_testing::expect;

pub use fake_slave::{FakeSession, FakeSlave};
pub use log_lines::LogLines;
pub use states::States;

/// Waits until a port can be listened on.
///
/// It is free as soon as its slave has ended, but for one thing: a test beside this one that
/// starts a process holds every socket a moment longer, between fork and exec.
///
/// # Panics
///
/// When it stays taken.
///
/// # Cancel safety
///
/// Safe to drop and to call again.
pub async fn port_is_free(address: SocketAddr) {
    expect::eventually("the port to be free", || TcpListener::bind(address).is_ok()).await;
}
