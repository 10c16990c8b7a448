//! What networks do to a connection, and that nothing is lost or doubled by it.

#![cfg(test)]

mod black_holes;
mod cluster;
mod cuts;
mod load;
mod lone;
mod proxy;
mod stalls;
