//! What others do with the same payload: the raw wire, and nothing around it.

pub(crate) mod bidi;
pub(crate) mod echo;
pub(crate) mod nats;
pub(crate) mod sqlite;
pub(crate) mod streams;
pub(crate) mod tarpc;
pub(crate) mod tcp;
pub(crate) mod unary;
