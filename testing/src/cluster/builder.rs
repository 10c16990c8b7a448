//! Collects what a cluster shall be, and starts it.

use std::fmt;
use std::sync::Mutex;

use selsyn::{Connection, Master, MasterBuilder, SlaveBuilder};
use tokio::task::JoinSet;

use super::host::{ConfigureSlave, Host, Recipe};
use super::ties::{Node, Ties};
use super::{ClusterError, TestCluster};
use crate::Timeline;

type ConfigureMaster = Box<dyn FnOnce(MasterBuilder) -> MasterBuilder + Send>;

/// Collects what a cluster shall be.
#[must_use = "a cluster begins when it is started"]
pub struct ClusterBuilder {
    count: usize,
    slaves: ConfigureSlave,
    master: ConfigureMaster,
    seed: Option<u64>,
    process: Option<String>,
    virtual_time: bool,
}

impl ClusterBuilder {
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            slaves: Box::new(|_, slave| slave),
            master: Box::new(|master| master),
            seed: None,
            process: None,
            virtual_time: false,
        }
    }

    /// Adds to every slave, which is told its index from 0; a restarted one is made by it again.
    /// Slaves in processes of their own say themselves what they are.
    pub fn slaves(
        mut self,
        f: impl Fn(usize, SlaveBuilder) -> SlaveBuilder + Send + 'static,
    ) -> Self {
        self.slaves = Box::new(f);
        self
    }

    /// Adds to the master.
    pub fn master(
        mut self,
        f: impl FnOnce(MasterBuilder) -> MasterBuilder + Send + 'static,
    ) -> Self {
        self.master = Box::new(f);
        self
    }

    /// Puts a proxy before each slave; the seed decides what is left to chance.
    pub const fn over_proxies(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Gives each slave a process of its own: see [`SlaveProcess`](crate::SlaveProcess), which
    /// tells what the test must be.
    #[cfg(unix)]
    pub fn processes<F: Fn()>(mut self, test: F) -> Self {
        self.process = Some(crate::process::test_name(test));
        self
    }

    /// Runs the slaves' functions on the runtime of the test, so that under
    /// `#[tokio::test(start_paused = true)]` their clock is the test's. Not for slaves in
    /// processes of their own, and not with sync callbacks: those run on other threads, for which
    /// a paused clock does not wait.
    pub const fn virtual_time(mut self) -> Self {
        self.virtual_time = true;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when a slave or the master cannot be built or connected.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts what was started.
    pub async fn start(self) -> Result<TestCluster, ClusterError> {
        let timeline = Timeline::new(self.seed);
        let recipe = Recipe {
            configure: Mutex::new(self.slaves),
            process: self.process,
            virtual_time: self.virtual_time,
        };
        let mut hosts = Vec::with_capacity(self.count);
        for index in 0..self.count {
            hosts.push(Host::start(index, &recipe).await?);
        }
        let mut cluster = TestCluster {
            master: (self.master)(noted(Master::builder(), &timeline)).build()?,
            hosts,
            recipe,
            ties: self.seed.map(|seed| Ties::new(seed, timeline.clone())),
            connections: Vec::with_capacity(self.count),
            _print: timeline.print_on_failure(),
            timeline,
            watchers: JoinSet::new(),
        };
        for index in 0..self.count {
            let connection = cluster.connect(index).await?;
            cluster.connections.push(connection);
        }
        cluster.watch_connections();
        Ok(cluster)
    }
}

/// Notes which tasks are accepted, unless the test sets a hook of its own.
fn noted(master: MasterBuilder, timeline: &Timeline) -> MasterBuilder {
    let timeline = timeline.clone();
    master.after_start_async(move |accepted| {
        timeline.note_task(format_args!("task {}: accepted", accepted.task));
        std::future::ready(())
    })
}

impl TestCluster {
    async fn connect(&self, index: usize) -> Result<Connection, ClusterError> {
        let (master, name) = (&self.master, format!("slave-{index}"));
        let connecting = match (&self.ties, &self.hosts[index]) {
            (None, Host::Here { dialer, .. }) => {
                let dialer = dialer.clone();
                master.connect_with(name, move || dialer.clone().dial())
            }
            (Some(_), Host::Here { .. }) => {
                let proxy = self.proxy_between(Node::Master, index);
                master.connect_with(name, move || proxy.clone().dial())
            }
            #[cfg(unix)]
            (None, Host::Process(process)) => master.connect(name, process.address()),
            #[cfg(unix)]
            (Some(_), Host::Process(_)) => {
                let proxy = self.proxy_between(Node::Master, index);
                master.connect(name, proxy.listen().await?)
            }
        };
        Ok(connecting.await?)
    }
}

impl fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterBuilder").field("count", &self.count).finish_non_exhaustive()
    }
}
