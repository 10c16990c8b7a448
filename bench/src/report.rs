//! What was measured, for people and for tools.

pub(crate) mod json;
mod row;
pub(crate) mod table;

pub(crate) use row::{Better, Measured, Row, Target};
