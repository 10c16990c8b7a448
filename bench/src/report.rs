//! What was measured, for people and for tools.

pub(crate) mod json;
pub(crate) mod markdown;
mod row;
pub(crate) mod table;

pub(crate) use row::{Better, Measured, Row, Target};
pub(crate) use table::short;
