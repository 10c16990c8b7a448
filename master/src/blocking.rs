//! The same names for programs without an async runtime.
//!
//! Each type is the async one of the same name and a handle to one runtime of the library's own:
//! a thread named `selsyn-blocking` that carries the connections. [`Master::new`] starts it; it
//! ends within a second after the last handle is gone, and never holds up the end of a program.
//!
//! What is awaited elsewhere waits here: [`Connect::wait`], [`Task::start`],
//! [`RunningTask::join`]; for several connections at once [`GroupTask::start`] and
//! [`RunningGroup::join`]; executions by their ids through [`Control`], and calls in bluesky's words
//! through [`FunctionCalls`].
//!
//! ```no_run
//! use selsyn_master::blocking::Master;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let master = Master::new()?;
//!     let slave = master.connect("trainer-0", "http://127.0.0.1:7236").wait()?;
//!     let running = slave
//!         .new_task((2, 3))?
//!         .function("add")
//!         .on_complete(|data, result| println!("{data} -> {result}"))
//!         .start()?;
//!     let sum: i64 = running.success()?;
//!     println!("the sum is {sum}");
//!     master.close()?;
//!     Ok(())
//! }
//! ```
//!
//! # Where it may wait
//!
//! On every thread that is the program's own, in sync callbacks, and in `spawn_blocking` and
//! `block_in_place` of tokio. Inside a tokio runtime a wait would hold up everything else on its
//! thread, so there every call that waits does nothing and says [`InsideRuntime`]: in async
//! functions, in async callbacks and hooks, and in `before_connect` and `before_disconnect`,
//! which run on the thread that carries the connections. It is told by tokio's own bookkeeping
//! of how long a task has run, which two places lack: futures in `tokio::task::unconstrained`,
//! and drops that a runtime does as it ends. There a call waits as any blocking code would.
//!
//! A `before_start` or `on_start_error` hook runs on the thread that calls `start()`, and may
//! block. Those of a [`GroupTask`] that is given to all members run on the thread that carries
//! the first connection, and must not wait.

mod carrier;
mod connect;
mod connection;
mod connection_events;
mod control;
mod error;
mod events;
mod function_calls;
mod group;
mod master;
mod ping;
mod running;
mod task;
mod twins;
mod wait;

pub use crate::error::InsideRuntime;
pub use connect::Connect;
pub use connection::Connection;
pub use connection_events::ConnectionEvents;
pub use control::{Control, Execution, ExecutionPages, ListExecutions, StartDetached, Watch};
pub use error::{MasterError, WaitError};
pub use events::Events;
pub use function_calls::{
    ExecuteFunction, FunctionCalls, FunctionEnvironment, FunctionQueue, WaitForTasks,
};
pub use group::{Group, GroupTask, RunningGroup};
pub use master::{Master, MasterBuilder};
pub use ping::ping;
pub use running::RunningTask;
pub use task::Task;
