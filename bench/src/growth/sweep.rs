//! What grows, through which counts, and what is said about each.

use super::counts::Counts;
use crate::Result;
use crate::probe::{self, Found, What};
use crate::rounds::median;

/// Probes of one count; their median counts.
const REPEATS: usize = 3;

/// Something that grows.
pub(super) struct Sweep {
    pub(super) title: &'static str,
    pub(super) counts: Counts,
    what: What,
    /// What a unit costs. The first [two](DRAWN) are drawn.
    pub(super) costs: Vec<Cost>,
}

/// How many costs of a sweep are drawn, each in a panel of its own.
pub(super) const DRAWN: usize = 2;

/// A cost of a unit, of each side.
pub(super) struct Cost {
    /// With its unit.
    pub(super) label: &'static str,
    /// The figures' names begin with the side, and end so.
    kind: &'static str,
    /// Whether it is drawn by its order of magnitude.
    pub(super) is_wide: bool,
}

/// A sweep, and what was found for each count.
pub(super) struct Swept {
    pub(super) sweep: Sweep,
    points: Vec<(usize, Found)>,
}

/// The two processes.
pub(super) const SIDES: [&str; 2] = ["master", "slave"];

impl Sweep {
    /// All of them; a quick one stops a decade earlier.
    pub(super) fn all(quick: bool) -> [Self; 3] {
        [Self::tasks(quick), Self::connections(quick), Self::payload(quick)]
    }

    fn tasks(quick: bool) -> Self {
        Self {
            title: "tasks outstanding",
            counts: Counts::decades(1_000, quick),
            what: What::MoreTasks,
            costs: vec![
                Cost::new("CPU, µs a task", "CPU"),
                Cost::new("RSS, bytes a task", "memory"),
            ],
        }
    }

    fn connections(quick: bool) -> Self {
        Self {
            title: "connections",
            counts: Counts::decades(10, quick).of_files(),
            what: What::MoreConnections,
            costs: vec![
                Cost::new("CPU, µs a task, one on each", "CPU"),
                Cost::new("RSS, KiB a connection", "memory"),
                Cost::new("CPU, µs a connection, to connect", "connecting"),
            ],
        }
    }

    fn payload(quick: bool) -> Self {
        Self {
            title: "payload",
            counts: Counts::bytes(quick),
            what: What::MoreBytes,
            costs: vec![
                Cost { is_wide: true, ..Cost::new("CPU, ns a byte carried", "CPU") },
                Cost::new("peak RSS, bytes a byte", "memory"),
            ],
        }
    }

    /// Measures at every count.
    pub(super) async fn run(self, quick: bool) -> Result<Swept> {
        let mut points = Vec::new();
        for count in self.counts.steps() {
            let repeats = if quick { 1 } else { REPEATS };
            points.push((count, probe::repeat(self.what, count, repeats).await?));
        }
        Ok(Swept { sweep: self, points })
    }
}

impl Cost {
    const fn new(label: &'static str, kind: &'static str) -> Self {
        Self { label, kind, is_wide: false }
    }
}

impl Swept {
    /// What a side pays at each count at which it shows: the middle of the probes.
    pub(super) fn line(&self, side: &str, cost: &Cost) -> Vec<(usize, f64)> {
        let name = format!("{side} {}", cost.kind);
        let middle = |found: &Found| median(&found.all(&name)).map(|(middle, _)| middle);
        let points = self.points.iter();
        points.filter_map(|(count, found)| Some((*count, middle(found)?))).collect()
    }
}
