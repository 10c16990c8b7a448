//! The side that does: hosts functions and runs them for masters.
//!
//! For programs that offer functions over the network: training workers, services, test nodes.
//! Not for schedules or task graphs: a slave runs what it is asked to, shows what it does, and
//! says how it ended.
//!
//! ```
//! use selsyn_common::Failure;
//! use selsyn_slave::{FunctionExecution, Slave, blocking, function};
//!
//! async fn add(_: FunctionExecution, (a, b): (i64, i64)) -> Result<i64, Failure> {
//!     Ok(a + b)
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let slave = Slave::builder()
//!     .function("add", function(add).inline())
//!     .function("hash", blocking(|_, text: String| Ok::<_, Failure>(text.len())))
//!     .bind("127.0.0.1:0")
//!     .await?
//!     .spawn();
//! slave.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! The way of one task through the rooms:
//!
//! | Room | What happens |
//! |---|---|
//! | `server` | tonic, the token, the sockets |
//! | `session` | one master's conversation: greeting, frames, goodbye |
//! | `admission` | a place, or a refusal; pure |
//! | `hooks` | what the operator says to it |
//! | `executor` | run, ladder of stopping, verdict |
//! | `initializer` | what runs once before a function's first call |
//! | `nested` | an execution as the parent of tasks elsewhere |
//! | `lifecycle` | the states of an execution and its verdict table; pure |
//! | `records` | what is kept of it until its result is taken |
//! | `logview` | what people see of it who have its address |

mod about;
mod admission;
mod builder;
mod config;
mod core;
mod credentials;
mod environment;
mod error;
mod execution;
mod executor;
mod function;
mod function_runtime;
mod generated;
mod hooks;
mod incoming_bytes;
mod initializer;
mod lifecycle;
mod logview;
mod nested;
mod panics;
mod random;
mod records;
mod registry;
mod server;
mod session;
mod slave;

pub use about::{Executor, FunctionInfo};
pub use builder::SlaveBuilder;
pub use config::OnMasterLost;
pub use credentials::{
    Credentials, CredentialsProvider, CredentialsRequest, GivesCredentials, NoCredentials,
};
pub use error::{BuildError, ServeError};
pub use execution::{
    ArgumentError, ExecutionLogLayer, ExecutionPart, Exit, FunctionExecution, Inputs, Logger,
    LoggerLevel,
};
pub use function::{Function, IntoFunction, blocking, function};
pub use hooks::{ConnectionRequest, Peer, TaskRequest};
pub use initializer::{Initialization, Initializer, blocking_initializer, initializer};
pub use random::generate_token;
pub use registry::DEFAULT_FUNCTION;
pub use slave::{BoundSlave, Slave, SlaveHandle};
