//! Promises that need real processes: slaves that are killed.

#![cfg(test)]

mod killed;
