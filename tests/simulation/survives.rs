//! Whatever the network does: no function runs twice, each callback runs once, joins return.

use std::ops::Range;
use std::time::Duration;

use selsyn::TaskStatus;

use crate::alone::each_seed;
use crate::network::Trouble;
use crate::world::simulate;

/// Shorter and longer than the tolerance, and than the window.
const LASTS: Range<Duration> = Duration::from_millis(200)..Duration::from_secs(8);

/// The window is over before the longest trouble is.
fn survives(seed: u64, kinds: &[Trouble]) -> String {
    let history = simulate(seed, kinds, LASTS, Duration::from_secs(5));
    assert!(history.ended_as(TaskStatus::Completed) > 0, "nothing was done:\n{}", history.trace());
    history.trace()
}

const BYTES_ARE_LOST: [Trouble; 4] = [
    Trouble::Hold,
    Trouble::Partition,
    Trouble::OneWay { to_slave: true },
    Trouble::OneWay { to_slave: false },
];

#[test]
fn what_a_network_does_within_the_window_loses_no_task() {
    each_seed(what_a_network_does_within_the_window_loses_no_task, 500..504, |seed| {
        let history = simulate(seed, &BYTES_ARE_LOST, LASTS, Duration::from_secs(30));
        assert_eq!(history.ended_as(TaskStatus::Lost), 0, "{}", history.trace());
        history.trace()
    });
}

#[test]
fn a_network_that_holds_bytes_back_doubles_nothing() {
    each_seed(a_network_that_holds_bytes_back_doubles_nothing, 0..4, |seed| {
        survives(seed, &[Trouble::Hold])
    });
}

#[test]
fn a_partitioned_network_doubles_nothing() {
    each_seed(a_partitioned_network_doubles_nothing, 100..104, |seed| {
        survives(seed, &[Trouble::Partition])
    });
}

#[test]
fn a_network_that_is_cut_one_way_doubles_nothing() {
    let one_way = [Trouble::OneWay { to_slave: true }, Trouble::OneWay { to_slave: false }];
    each_seed(a_network_that_is_cut_one_way_doubles_nothing, 200..204, |seed| {
        survives(seed, &one_way)
    });
}

#[test]
fn slaves_that_crash_and_come_back_double_nothing() {
    each_seed(slaves_that_crash_and_come_back_double_nothing, 300..304, |seed| {
        survives(seed, &[Trouble::Crash])
    });
}

#[test]
fn everything_at_once_doubles_nothing() {
    let all = [&BYTES_ARE_LOST[..], &[Trouble::Crash]].concat();
    each_seed(everything_at_once_doubles_nothing, 400..406, |seed| survives(seed, &all));
}
