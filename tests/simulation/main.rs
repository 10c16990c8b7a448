//! The whole stack, with the real tonic and h2, over a simulated network and a simulated clock.
//!
//! Each simulation runs in a process of its own: what is left over from one must not decide the
//! order of things in another. A seed that fails is printed; `SELSYN_SIMULATION_SEED=<seed>`
//! before `cargo test … <test> -- --exact` runs it again alone.

#![cfg(test)]

mod alone;
mod determinism;
mod history;
mod network;
mod survives;
mod world;
