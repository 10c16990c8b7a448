//! The tests of docs/testing-your-cluster.md, word for word.

#![cfg(test)]

mod a_coordinator_with_four_learners;
mod a_network_that_stalls;
mod a_slave_that_dies;

const GUIDE: &str = include_str!("../../docs/testing-your-cluster.md");

/// The Rust blocks of the guide, in order.
fn blocks() -> Vec<&'static str> {
    let after = GUIDE.split("```rust\n").skip(1);
    after.map(|rest| rest.split_once("```").expect("a block ends").0).collect()
}

#[test]
fn the_guide_shows_exactly_the_tests_that_run_here() {
    let files = [
        include_str!("a_slave_that_dies.rs"),
        include_str!("a_network_that_stalls.rs"),
        include_str!("a_coordinator_with_four_learners.rs"),
    ];
    for (block, file) in blocks().iter().zip(files) {
        assert!(*block == file, "the guide says:\n{block}\nwhat runs is:\n{file}");
    }
    assert_eq!(blocks().len(), files.len());
}
