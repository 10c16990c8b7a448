//! What Selsyn promises, one file a promise. The tests are in the folders beside this one.
//!
//! Here is what only Selsyn's own tests need: peers that a test plays frame by frame, a reader of
//! log lines, and the yardstick of unary calls.

mod fake_slave;
mod log_lines;
pub mod raw_master;
pub mod unary;

pub use fake_slave::{FakeSession, FakeSlave};
pub use log_lines::LogLines;
