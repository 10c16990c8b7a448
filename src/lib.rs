#![doc = include_str!("../README.md")]

pub use selsyn_common::*;

#[cfg(feature = "master")]
pub use selsyn_master::*;

#[cfg(feature = "slave")]
pub use selsyn_slave::*;

/// Holds the code of docs/outputs.md to what compiles.
#[cfg(doctest)]
#[doc = include_str!("../docs/outputs.md")]
struct OutputsPage;
