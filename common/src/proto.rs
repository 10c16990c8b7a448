//! The generated messages of `proto/selsyn/v1`, for our own crates and for raw-frame tests.

include!("generated/selsyn.v1.rs");

/// The descriptors of the three files, as reflection serves them.
pub const DESCRIPTORS: &[u8] = include_bytes!("generated/selsyn.v1.bin");
