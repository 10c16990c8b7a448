//! What the simulated network and its hosts do, drawn from a seed; healed at the end.

use std::time::Duration;

use selsyn_testing::Random;
use turmoil::Sim;

use crate::history::History;
use crate::world::{MASTER, slave};

/// One kind of trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Bytes wait until it is over.
    Hold,
    /// Bytes are lost both ways, and new connections are refused.
    Partition,
    /// Bytes are lost one way.
    OneWay { to_slave: bool },
    /// The slave ends, and begins another life.
    Crash,
}

/// The troubles of one simulation, in order; one at a time for each slave.
pub(crate) struct Script {
    steps: Vec<Step>,
    done: usize,
}

struct Step {
    at: Duration,
    slave: usize,
    trouble: Trouble,
    begins: bool,
}

impl Script {
    /// Troubles of these kinds for each slave, one after the other, all over at `healed`.
    pub(crate) fn draw(
        random: &mut Random,
        kinds: &[Trouble],
        lasts: std::ops::Range<Duration>,
        slaves: usize,
        healed: Duration,
    ) -> Self {
        let mut steps = Vec::new();
        for slave in 0..slaves {
            let mut at = Duration::ZERO;
            loop {
                let (begins, trouble) = (at + random.duration(&lasts), *random.pick(kinds));
                let ends = begins + random.duration(&lasts);
                if ends > healed {
                    break;
                }
                steps.push(Step { at: begins, slave, trouble, begins: true });
                steps.push(Step { at: ends, slave, trouble, begins: false });
                at = ends;
            }
        }
        steps.sort_by_key(|step| step.at);
        assert!(!steps.is_empty(), "a simulation without trouble shows nothing");
        Self { steps, done: 0 }
    }

    /// Does what is due.
    pub(crate) fn apply(&mut self, sim: &mut Sim<'_>, history: &History) {
        while let Some(step) = self.steps.get(self.done)
            && step.at <= sim.elapsed()
        {
            let what = if step.begins { "begins" } else { "is over" };
            let at = sim.elapsed().as_secs_f64();
            history.note_at(at, format_args!("{:?} of {} {what}", step.trouble, slave(step.slave)));
            step.apply(sim);
            self.done += 1;
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.done == self.steps.len()
    }
}

impl Step {
    fn apply(&self, sim: &mut Sim<'_>) {
        let slave = slave(self.slave);
        match (self.trouble, self.begins) {
            (Trouble::Hold, true) => sim.hold(MASTER, slave.as_str()),
            (Trouble::Hold, false) => sim.release(MASTER, slave.as_str()),
            (Trouble::Partition, true) => sim.partition(MASTER, slave.as_str()),
            (Trouble::Partition, false) => sim.repair(MASTER, slave.as_str()),
            (Trouble::OneWay { to_slave: true }, true) => {
                sim.partition_oneway(MASTER, slave.as_str());
            }
            (Trouble::OneWay { to_slave: true }, false) => {
                sim.repair_oneway(MASTER, slave.as_str());
            }
            (Trouble::OneWay { to_slave: false }, true) => {
                sim.partition_oneway(slave.as_str(), MASTER);
            }
            (Trouble::OneWay { to_slave: false }, false) => {
                sim.repair_oneway(slave.as_str(), MASTER);
            }
            (Trouble::Crash, true) => sim.crash(slave.as_str()),
            (Trouble::Crash, false) => sim.bounce(slave.as_str()),
        }
    }
}
