//! One measurement of memory or time in a process that has done nothing before it.
//!
//! What an allocator keeps from earlier work would hide what the next work takes.

mod growth;
mod outstanding;
mod slaves;
mod unread;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::str::FromStr;

use tokio::process::Command;

use crate::Result;
use crate::placement::{Placement, Role};
use crate::progress::say;

/// Named figures.
pub(crate) type Figures = BTreeMap<String, f64>;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Outstanding,
    Slaves,
    /// The yardstick of `Slaves`.
    Streams,
    Unread,
    /// Growth: of tasks outstanding, of connections, of a payload.
    MoreTasks,
    MoreConnections,
    MoreBytes,
}

impl What {
    const ALL: [Self; 7] = [
        Self::Outstanding,
        Self::Slaves,
        Self::Streams,
        Self::Unread,
        Self::MoreTasks,
        Self::MoreConnections,
        Self::MoreBytes,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Outstanding => "outstanding",
            Self::Slaves => "slaves",
            Self::Streams => "streams",
            Self::Unread => "unread",
            Self::MoreTasks => "more-tasks",
            Self::MoreConnections => "more-connections",
            Self::MoreBytes => "more-bytes",
        }
    }
}

impl FromStr for What {
    type Err = String;

    fn from_str(name: &str) -> std::result::Result<Self, String> {
        let found = Self::ALL.into_iter().find(|what| what.name() == name);
        found.ok_or_else(|| format!("nothing to probe is called {name}"))
    }
}

/// What a probe's process shall do.
pub(crate) struct Probe {
    pub(crate) what: What,
    pub(crate) count: usize,
}

/// Measures in a process of its own, on the one-core placement.
async fn start(what: What, count: usize) -> Result<Figures> {
    let mut probe = Command::new(std::env::current_exe()?);
    probe.args(["probe", "--what", what.name(), "--count", &count.to_string()]);
    let output = probe.stderr(std::process::Stdio::inherit()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        return Err(format!("the probe {} ended with {}", what.name(), output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The figures of some probes.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<Figures>);

impl Found {
    pub(crate) fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }

    /// One figure, of all probes.
    pub(crate) fn all(&self, name: &str) -> Vec<f64> {
        self.0.iter().filter_map(|figures| figures.get(name)).copied().collect()
    }

    /// One figure, of all rounds in all probes.
    pub(crate) fn rounds(&self, name: &str) -> Vec<f64> {
        let of_one = |figures: &Figures| {
            (1..).map_while(|round| figures.get(&format!("{name} {round}")).copied()).collect()
        };
        self.0.iter().flat_map::<Vec<f64>, _>(of_one).collect()
    }
}

/// Measures so often, in a new process each time.
pub(crate) async fn repeat(what: What, count: usize, times: usize) -> Result<Found> {
    let mut found = Found::default();
    for _ in 0..times {
        let figures = start(what, count).await?;
        let shown = figures.iter().map(|(name, figure)| format!("{name} {figure:.3}"));
        say(&format!("  {}: {}", what.name(), shown.collect::<Vec<_>>().join(", ")));
        found.0.push(figures);
    }
    Ok(found)
}

/// Is the probe's process.
pub(crate) fn run(probe: &Probe) -> Result<()> {
    let figures = Placement::OneCore.runtime(Role::Client)?.block_on(async {
        match probe.what {
            What::Outstanding => outstanding::measure(probe.count).await,
            What::Slaves => slaves::ours(probe.count).await,
            What::Streams => slaves::raw(probe.count).await,
            What::Unread => unread::measure(probe.count).await,
            What::MoreTasks => growth::tasks(probe.count).await,
            What::MoreConnections => growth::connections(probe.count).await,
            What::MoreBytes => growth::payload(probe.count).await,
        }
    })?;
    Ok(std::io::stdout().write_all(serde_json::to_string(&figures)?.as_bytes())?)
}

/// Gives each figure its name.
fn named<N: ToString>(figures: impl IntoIterator<Item = (N, f64)>) -> Figures {
    figures.into_iter().map(|(name, figure)| (name.to_string(), figure)).collect()
}
