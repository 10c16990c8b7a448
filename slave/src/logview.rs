//! The addresses at which people look at executions, and what they see there.
//!
//! An address is a capability: whoever has it may look at one execution, and do nothing else. It
//! ends in 256 random bits, is kept in memory, runs out, and can be revoked.

mod face;
mod line;
mod links;
mod telling;

pub(crate) use face::Face;
pub(crate) use links::{Links, MAX_VALID, NoAddress, PREFIX};
pub(crate) use telling::tell;
