//! What a program that uses Selsyn does: its public API, and nothing else.

mod bulk;
mod burst;
mod lines;
mod outstanding;
mod slaves;
mod small;
mod watched;

pub(crate) use bulk::Bulk;
pub(crate) use lines::Lines;
pub(crate) use outstanding::Outstanding;
pub(crate) use slaves::Slaves;
pub(crate) use small::Small;
pub(crate) use watched::{Watched, Watching};
