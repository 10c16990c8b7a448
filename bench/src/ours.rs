//! What a program that uses Selsyn does: its public API, and nothing else.

mod burst;
mod small;

pub(crate) use small::Small;
