//! Runs each seed of a test in a process of its own: the test's program, started again.

use std::ops::Range;
use std::process::Command;

/// Set in the process that runs one seed, and by who wants to run one seed again.
const SEED: &str = "SELSYN_SIMULATION_SEED";

/// Runs `simulate` once for each seed and gives what each printed. In a process that was started
/// for one seed it runs that one, prints its trace and gives nothing.
pub(crate) fn each_seed<F: Fn()>(
    test: F,
    seeds: Range<u64>,
    simulate: impl Fn(u64) -> String,
) -> Vec<String> {
    if let Ok(seed) = std::env::var(SEED) {
        let trace = simulate(seed.parse().expect("a seed is a number"));
        std::io::Write::write_all(&mut std::io::stdout(), trace.as_bytes()).unwrap();
        return Vec::new();
    }
    let path = std::any::type_name::<F>();
    drop(test);
    let (_, name) = path.split_once("::").expect("a test has a path");
    seeds.map(|seed| in_a_process(name, seed)).collect()
}

fn in_a_process(test: &str, seed: u64) -> String {
    let run = Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(SEED, seed.to_string())
        .output()
        .unwrap();
    let (trace, said) =
        (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "seed {seed} of {test} fails ({}):\n{trace}\n{said}", run.status);
    // The harness says how long it took: that is no part of the trace.
    let is_traced = |line: &&str| line.starts_with('[');
    trace.lines().filter(is_traced).flat_map(|line| [line, "\n"]).collect()
}
