//! The cases that Selsyn took over from the systems it follows, each under its own id.
//!
//! A test is named by its id and the promise: `e_20_adds_two_numbers` is case E-20.

#![cfg(test)]

mod bluesky;
mod cloudpss;
mod cloudpss_execution;
mod di_engine;
mod functiongraph;
mod pyodps;
