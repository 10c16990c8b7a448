//! Where one slave of a cluster lives: in the test's process, or in one of its own.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use selsyn::{Slave, SlaveBuilder, SlaveHandle};
use tokio::runtime::Handle;

use super::ClusterError;
use crate::pipe::{PipeDialer, PipeListener, pipe};
use crate::{FaultProxy, Timeline, functions};
#[cfg(unix)]
use crate::{SlaveProcess, expect};

pub(super) type ConfigureSlave = Box<dyn Fn(usize, SlaveBuilder) -> SlaveBuilder + Send>;

/// How the slaves of a cluster are made, and made again.
pub(super) struct Recipe {
    pub(super) configure: Mutex<ConfigureSlave>,
    /// The test that is a slave, when each has a process of its own.
    pub(super) process: Option<String>,
    pub(super) virtual_time: bool,
}

#[derive(Debug)]
pub(super) enum Host {
    Here {
        slave: Option<SlaveHandle>,
        dialer: PipeDialer,
    },
    #[cfg(unix)]
    Process(SlaveProcess),
}

impl Recipe {
    fn build(&self, index: usize, listener: PipeListener) -> Result<SlaveHandle, ClusterError> {
        let mut slave = functions::all(Slave::builder());
        if self.virtual_time {
            slave = slave.function_runtime(Handle::current());
        }
        let configure = self.configure.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(configure(index, slave).incoming(listener)?.spawn())
    }
}

impl Host {
    pub(super) async fn start(index: usize, recipe: &Recipe) -> Result<Self, ClusterError> {
        #[cfg(unix)]
        if let Some(test) = &recipe.process {
            return Ok(Self::Process(SlaveProcess::start_named(test).await?));
        }
        let (dialer, listener) = pipe();
        Ok(Self::Here { slave: Some(recipe.build(index, listener)?), dialer })
    }

    pub(super) fn handle(&self) -> Option<&SlaveHandle> {
        match self {
            Self::Here { slave, .. } => slave.as_ref(),
            #[cfg(unix)]
            Self::Process(_) => None,
        }
    }

    pub(super) fn take(&mut self) -> Option<SlaveHandle> {
        match self {
            Self::Here { slave, .. } => slave.take(),
            #[cfg(unix)]
            Self::Process(_) => None,
        }
    }

    pub(super) fn dialer(&self) -> Option<PipeDialer> {
        match self {
            Self::Here { dialer, .. } => Some(dialer.clone()),
            #[cfg(unix)]
            Self::Process(_) => None,
        }
    }

    #[cfg(unix)]
    pub(super) fn process(&mut self) -> Option<&mut SlaveProcess> {
        match self {
            Self::Here { .. } => None,
            Self::Process(process) => Some(process),
        }
    }

    /// A proxy that dials it.
    pub(super) fn proxy(&self, seed: u64, name: String, timeline: Timeline) -> FaultProxy {
        match self {
            Self::Here { dialer, .. } => {
                let dialer = dialer.clone();
                FaultProxy::to_noting(move || dialer.clone().dial(), seed, name, timeline)
            }
            #[cfg(unix)]
            Self::Process(process) => {
                FaultProxy::to_address_noting(process.address(), seed, name, timeline)
            }
        }
    }

    pub(super) async fn kill(&mut self) -> Result<(), ClusterError> {
        match self {
            Self::Here { slave, .. } => drop(slave.take()),
            #[cfg(unix)]
            Self::Process(process) => process.kill().await?,
        }
        Ok(())
    }

    pub(super) async fn restart(
        &mut self,
        index: usize,
        recipe: &Recipe,
    ) -> Result<(), ClusterError> {
        match self {
            Self::Here { slave, dialer } => {
                drop(slave.take());
                *slave = Some(recipe.build(index, dialer.listen_again())?);
            }
            #[cfg(unix)]
            Self::Process(process) => process.restart().await?,
        }
        Ok(())
    }

    /// Ends it in good order; one that was killed before has ended.
    pub(super) async fn stop(&mut self) {
        match self {
            Self::Here { slave, .. } => {
                if let Some(slave) = slave.take() {
                    slave.shutdown().await.expect("a slave of a test ends in good order");
                }
            }
            #[cfg(unix)]
            Self::Process(process) => {
                // A frozen one hears SIGTERM once it is thawed.
                if process.terminate().is_ok() && process.thaw().is_ok() {
                    let status = expect::soon("a slave process to end", process.ended()).await;
                    let status = status.expect("the system tells how a process ended");
                    assert!(status.success(), "a slave process ended with {status}");
                }
            }
        }
    }
}

impl fmt::Debug for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recipe").field("process", &self.process).finish_non_exhaustive()
    }
}
