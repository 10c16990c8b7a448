//! Decides which cores and which runtime the two processes have.

use std::fmt;
use std::str::FromStr;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use tokio::runtime::{Builder, Runtime};

use crate::Result;

/// Where client and server run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Both on one core, `current_thread`: the gate, as it repeats within 5 to 10 %.
    #[default]
    OneCore,
    /// Wherever the kernel likes, `multi_thread`.
    Free,
    /// A core each, `current_thread`.
    TwoCores,
}

/// Which of the two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

impl Placement {
    pub(crate) const ALL: [Self; 3] = [Self::OneCore, Self::Free, Self::TwoCores];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OneCore => "one-core",
            Self::Free => "free",
            Self::TwoCores => "two-cores",
        }
    }

    /// Pins this process, which has one thread yet, and makes its runtime.
    pub(crate) fn runtime(self, role: Role) -> Result<Runtime> {
        self.pin(role)?;
        let mut builder = match self {
            Self::OneCore | Self::TwoCores => Builder::new_current_thread(),
            Self::Free => Builder::new_multi_thread(),
        };
        Ok(builder.enable_all().build()?)
    }

    fn pin(self, role: Role) -> Result<()> {
        let cores = allowed()?;
        // The last core: interrupts mostly go to the first.
        let [last, other] = match cores.as_slice() {
            [.., other, last] => [*last, *other],
            [only] => [*only, *only],
            [] => return Err("there is no core to run on".into()),
        };
        match (self, role) {
            (Self::Free, _) => Ok(()),
            (Self::OneCore, _) | (Self::TwoCores, Role::Client) => pin_to(last),
            (Self::TwoCores, Role::Server) => pin_to(other),
        }
    }
}

/// The cores this process may use. A child inherits its parent's, so a placement is chosen anew
/// from what the machine has.
fn allowed() -> Result<Vec<usize>> {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|core| all.set(core));
    let before = sched_getaffinity(None)?;
    // The kernel keeps of a wish what is there and permitted.
    sched_setaffinity(None, &all)?;
    let wide = sched_getaffinity(None)?;
    sched_setaffinity(None, &before)?;
    Ok((0..CpuSet::MAX_CPU).filter(|core| wide.is_set(*core)).collect())
}

fn pin_to(core: usize) -> Result<()> {
    let mut one = CpuSet::new();
    one.set(core);
    Ok(sched_setaffinity(None, &one)?)
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Placement {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.into_iter().find(|placement| placement.name() == name);
        found.ok_or_else(|| format!("no placement {name}: one-core, free, two-cores"))
    }
}
