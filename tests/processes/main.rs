//! Promises that need real processes: slaves that are killed, programs that end.

#![cfg(test)]

mod blocking;
mod exits;
mod frozen;
mod groups;
mod killed;
