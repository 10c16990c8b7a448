//! The generated server stubs of `proto/selsyn/v1`.

#![expect(unreachable_pub, reason = "generated code")]

include!("generated/selsyn.v1.rs");
