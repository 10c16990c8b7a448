//! A master and its slaves under the hand of one test.

mod builder;
mod host;
mod ties;

use std::io;

use selsyn::{BuildError, ConnectError, Connection, ConnectionState, Master, SlaveHandle};
use tokio::task::JoinSet;

#[cfg(unix)]
use crate::SlaveProcess;
use crate::pipe::PipeDialer;
use crate::timeline::PrintOnFailure;
use crate::{FaultProxy, Timeline};
use host::{Host, Recipe};
use ties::Ties;

pub use builder::ClusterBuilder;
pub use ties::Node;

/// A master and its slaves, each tied to the master by a connection named `slave-0`, `slave-1` and
/// so on. Every slave has the functions of [`functions::all`](crate::functions::all).
///
/// The slaves live in the test's process, over pipes, unless the builder says otherwise: with
/// [`processes`](ClusterBuilder::processes) each has a process of its own, with
/// [`over_proxies`](ClusterBuilder::over_proxies) a [`FaultProxy`] stands before each.
///
/// What happens to the connections, the proxies and the slaves is noted in a [`Timeline`], which
/// is printed when the test fails. [`stop`](Self::stop) ends it in good order; dropping it cuts
/// everything.
#[derive(Debug)]
pub struct TestCluster {
    master: Master,
    hosts: Vec<Host>,
    recipe: Recipe,
    ties: Option<Ties>,
    connections: Vec<Connection>,
    timeline: Timeline,
    _print: PrintOnFailure,
    /// One for each connection; they end with the cluster.
    watchers: JoinSet<()>,
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
    /// A slave process did not come up.
    #[cfg(unix)]
    #[error(transparent)]
    Process(#[from] crate::ProcessError),
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
        ClusterBuilder::new(count)
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
    /// When there is no such slave, it was taken or killed, or has a process of its own.
    pub fn slave(&self, index: usize) -> &SlaveHandle {
        self.hosts[index].handle().expect("the slave lives in the test's process")
    }

    /// Takes slave `index` out, to drain it or to drop it; `None` when it was taken or killed
    /// before, or has a process of its own.
    ///
    /// # Panics
    ///
    /// When there is no such slave.
    pub fn take_slave(&mut self, index: usize) -> Option<SlaveHandle> {
        self.hosts[index].take()
    }

    /// The process of slave `index`, from 0.
    ///
    /// # Panics
    ///
    /// When there is no such slave, or it lives in the test's process.
    #[cfg(unix)]
    pub fn process(&mut self, index: usize) -> &mut SlaveProcess {
        self.hosts[index].process().expect("the slave has a process of its own")
    }

    /// A way to dial slave `index` past its proxy, for a second master or a second connection.
    ///
    /// # Panics
    ///
    /// When there is no such slave, or it has a process of its own.
    pub fn dialer(&self, index: usize) -> PipeDialer {
        self.hosts[index].dialer().expect("the slave lives in the test's process")
    }

    /// The proxy between the master and slave `index`.
    ///
    /// # Panics
    ///
    /// When there is no such slave, or the cluster is not over proxies.
    pub fn proxy(&self, index: usize) -> FaultProxy {
        self.proxy_between(Node::Master, index)
    }

    /// The proxy between a node and slave `to`; made when it is first asked for. Nested masters
    /// that dial through it are part of every [`partition`](Self::partition).
    ///
    /// # Panics
    ///
    /// When there is no such slave, or the cluster is not over proxies.
    pub fn proxy_between(&self, from: Node, to: usize) -> FaultProxy {
        let ties = self.ties.as_ref().expect("the cluster was built with over_proxies(seed)");
        ties.tie(from, to, &self.hosts)
    }

    /// Lets no byte pass between any node of `one` and any node of `other`, either way, until
    /// [`heal`](Self::heal): a black hole on each tie, so that nothing is closed.
    ///
    /// # Panics
    ///
    /// As for [`Self::proxy_between`].
    pub fn partition(&self, one: &[Node], other: &[Node]) {
        self.timeline.note(format_args!("partition of {one:?} and {other:?}"));
        for (from, to) in ties::between(one, other) {
            self.proxy_between(from, to).inject(crate::Fault::BlackHole);
        }
    }

    /// Heals every proxy of the cluster.
    pub fn heal(&self) {
        if let Some(ties) = &self.ties {
            ties.heal();
        }
    }

    /// Kills slave `index`: its process, or, in the test's process, everything it holds. Nothing
    /// happens when it was killed before.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Process`] when the system refuses.
    ///
    /// # Panics
    ///
    /// When there is no such slave.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves it killed.
    pub async fn kill(&mut self, index: usize) -> Result<(), ClusterError> {
        self.timeline.note(format_args!("slave-{index} is killed"));
        self.hosts[index].kill().await
    }

    /// Starts slave `index` again where it was, after killing it if it lives: another life, which
    /// knows nothing of the former. The connection re-dials it by itself.
    ///
    /// # Errors
    ///
    /// [`ClusterError`] when it cannot be built or does not come up.
    ///
    /// # Panics
    ///
    /// When there is no such slave.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves it killed.
    pub async fn restart(&mut self, index: usize) -> Result<(), ClusterError> {
        self.timeline.note(format_args!("slave-{index} is started again"));
        self.hosts[index].restart(index, &self.recipe).await
    }

    /// What happened so far. Printed by itself when the test fails.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Closes the master, then shuts the slaves down. Faults are healed before.
    ///
    /// # Panics
    ///
    /// When a slave's transport has failed, or a process does not end in good order.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cuts what is left.
    pub async fn stop(mut self) {
        self.heal();
        self.master.close().await;
        for host in &mut self.hosts {
            host.stop().await;
        }
    }

    /// Notes what the connections look like, as it changes.
    fn watch_connections(&mut self) {
        for connection in &self.connections {
            self.watchers.spawn(watch(connection.clone(), self.timeline.clone()));
        }
    }
}

async fn watch(connection: Connection, timeline: Timeline) {
    let mut last = ConnectionState::Dialing;
    while !last.is_final() {
        last = connection.wait_until(|state| state != last).await;
        timeline.note(format_args!("connection {}: {last}", connection.name()));
    }
}
