//! What networks do to a connection, and that nothing is lost or doubled by it.

#![cfg(test)]

mod cluster;
mod load;
mod proxy;
