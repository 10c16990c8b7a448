//! Masters and slaves under the hand of one test, for programs that use Selsyn.
//!
//! A test starts a [`TestCluster`], runs real tasks over real sessions, opens [`Gate`]s where it
//! would otherwise sleep, and waits with [`expect`], which is bounded and says what it waited for.
//! `docs/testing-your-cluster.md` is the guide, with three complete tests. Not a benchmark, and
//! not a simulator: what runs is the real stack, over pipes, sockets and processes.
//!
//! | | |
//! |---|---|
//! | [`TestCluster`] | a master and slaves, in one process or in many, over proxies or not |
//! | [`FaultProxy`], [`Plan`] | a network that fails as told or as drawn from a seed, and counts it |
//! | `SlaveProcess` | a slave to freeze, kill, drain and start again (Unix) |
//! | [`Timeline`] | what happened, printed when the test fails |
//! | [`functions`], [`Gate`] | functions that do one thing, and wait until they are let go |
//! | [`pipe`](fn@pipe) | a transport in memory, without a proxy |
//!
//! ```
//! use selsyn_testing::{Gate, TestCluster, expect, functions};
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let gate = Gate::closed();
//! let opened = gate.clone();
//! let cluster = TestCluster::builder(2)
//!     .slaves(move |_, slave| slave.function("wait", functions::wait_for(opened.clone())))
//!     .start()
//!     .await?;
//!
//! let waiting = cluster.connection(0).new_task(&json!("first"))?.function("wait").start().await?;
//! let sum = cluster.connection(1).new_task(&json!({"a": 2, "b": 3}))?.function("add").start().await?;
//! assert_eq!(sum.success::<serde_json::Value>().await?, json!({"sum": 5}));
//!
//! expect::running(&waiting).await;
//! gate.open();
//! expect::completed(&waiting).await;
//! cluster.stop().await;
//! # Ok(())
//! # }
//! ```

mod cluster;
pub mod expect;
pub mod functions;
mod gate;
mod pipe;
#[cfg(unix)]
mod process;
mod proxy;
mod random;
mod timeline;

pub use cluster::{ClusterBuilder, ClusterError, Node, TestCluster};
pub use gate::Gate;
pub use pipe::{PipeDialer, PipeListener, pipe};
#[cfg(unix)]
pub use process::{ProcessError, SlaveProcess};
pub use proxy::{
    Applied, Direction, Ending, Fault, FaultKind, FaultProxy, Plan, Planned, ProxyStream,
};
pub use random::Random;
pub use timeline::{PrintOnFailure, Timeline};
