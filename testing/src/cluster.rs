//! A master and its slaves in one process, over pipes.

use std::io;

use selsyn::{
    BuildError, ConnectError, Connection, Master, MasterBuilder, Slave, SlaveBuilder, SlaveHandle,
};

use crate::functions;
use crate::pipe::{PipeDialer, pipe};

/// A master and its slaves in one process, each tied to the master by a connection named
/// `slave-0`, `slave-1` and so on. Every slave has the functions `echo`, `add` (its default too),
/// `fail`, `panic` and `wait_for_abort`.
///
/// [`stop`](Self::stop) ends it in good order; dropping it cuts everything.
#[derive(Debug)]
pub struct TestCluster {
    master: Master,
    slaves: Vec<Option<SlaveHandle>>,
    dialers: Vec<PipeDialer>,
    connections: Vec<Connection>,
}

/// Why a cluster did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A slave could not be built.
    #[error("a slave cannot be built: {0}")]
    Build(#[from] BuildError),
    /// The master could not be built.
    #[error("the master cannot be built: {0}")]
    Master(#[from] io::Error),
    /// The master could not connect to a slave.
    #[error("a slave cannot be connected: {0}")]
    Connect(#[from] ConnectError),
}

type ConfigureSlave = Box<dyn Fn(usize, SlaveBuilder) -> SlaveBuilder + Send>;
type ConfigureMaster = Box<dyn FnOnce(MasterBuilder) -> MasterBuilder + Send>;

/// Collects what a cluster shall be.
#[must_use = "a cluster begins when it is started"]
pub struct ClusterBuilder {
    count: usize,
    slaves: ConfigureSlave,
    master: ConfigureMaster,
}

impl TestCluster {
    /// Starts `count` slaves and a master that is connected to all of them.
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when one of them cannot be built or connected.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts what was started.
    pub async fn start(count: usize) -> Result<Self, ClusterError> {
        Self::builder(count).start().await
    }

    /// Begins a cluster with slaves or a master of your own making.
    pub fn builder(count: usize) -> ClusterBuilder {
        ClusterBuilder {
            count,
            slaves: Box::new(|_, slave| slave),
            master: Box::new(|master| master),
        }
    }

    /// The master.
    pub fn master(&self) -> &Master {
        &self.master
    }

    /// The connection to slave `index`, from 0.
    ///
    /// # Panics
    ///
    /// When there is no such slave.
    pub fn connection(&self, index: usize) -> &Connection {
        &self.connections[index]
    }

    /// All connections, in the order of the slaves.
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// Slave `index`, from 0, for what only it can do.
    ///
    /// # Panics
    ///
    /// When there is no such slave, or it was taken.
    pub fn slave(&self, index: usize) -> &SlaveHandle {
        self.slaves[index].as_ref().expect("the slave was not taken out of the cluster")
    }

    /// Takes slave `index` out, to drain it or to drop it; `None` when it was taken before.
    ///
    /// # Panics
    ///
    /// When there is no such slave.
    pub fn take_slave(&mut self, index: usize) -> Option<SlaveHandle> {
        self.slaves[index].take()
    }

    /// A way to dial slave `index`, for a second master or a second connection.
    ///
    /// # Panics
    ///
    /// When there is no such slave.
    pub fn dialer(&self, index: usize) -> PipeDialer {
        self.dialers[index].clone()
    }

    /// Closes the master, then shuts the slaves down.
    ///
    /// # Panics
    ///
    /// When a slave's transport has failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts what is left.
    pub async fn stop(mut self) {
        self.master.close().await;
        for slave in self.slaves.iter_mut().filter_map(Option::take) {
            slave.shutdown().await.expect("a slave of a test ends in good order");
        }
    }
}

impl ClusterBuilder {
    /// Adds to every slave, which is told its index from 0.
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
        let master = (self.master)(Master::builder()).build()?;
        let (mut slaves, mut dialers, mut connections) = (Vec::new(), Vec::new(), Vec::new());
        for index in 0..self.count {
            let (dialer, listener) = pipe();
            let slave = (self.slaves)(index, with_functions(Slave::builder()));
            slaves.push(Some(slave.incoming(listener)?.spawn()));
            dialers.push(dialer.clone());
            let name = format!("slave-{index}");
            connections.push(master.connect_with(name, move || dialer.clone().dial()).await?);
        }
        Ok(TestCluster { master, slaves, dialers, connections })
    }
}

fn with_functions(slave: SlaveBuilder) -> SlaveBuilder {
    slave
        .default_function(functions::add())
        .function("add", functions::add())
        .function("echo", functions::echo())
        .function("fail", functions::fail())
        .function("panic", functions::panic())
        .function("wait_for_abort", functions::wait_for_abort())
}

impl std::fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterBuilder").field("count", &self.count).finish_non_exhaustive()
    }
}
