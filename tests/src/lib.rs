//! What Selsyn promises, one file a promise. The tests are in the folders beside this one.
//!
//! Here is what only Selsyn's own tests need: peers that a test plays frame by frame.

mod fake_slave;
pub mod raw_master;
pub mod unary;

pub use fake_slave::{FakeSession, FakeSlave};
