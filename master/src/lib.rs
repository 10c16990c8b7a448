//! The side that asks: a library inside somebody's program.
//!
//! For programs that start work on other machines and must know what became of it. Not for task
//! graphs, schedules or brokers.
//!
//! The way of one task through the rooms:
//!
//! | Room | What happens |
//! |---|---|
//! | [`Connection::new_task`] | the data is encoded once; nothing is sent |
//! | [`Task::start`] | hooks; the table, then the outbox; waits for the answer |
//! | `connection` | the table of started tasks, and the view of the slave |
//! | `dispatch` | the task behind a connection: dial, greet, read; awaits no user code |
//! | `cell` | one task's status, answer and outcome |
//! | `delivery` | callbacks, in order, each panic contained; then the result is taken |
//! | [`RunningTask::join`] | returns |
//! | [`Control`] | executions looked at, started and stopped by id, without a session |
//! | [`FunctionCalls`] | the same in the words of bluesky queueserver |
//! | [`Group`] | the same for several connections at once |

pub mod blocking;
mod callback_threads;
mod callbacks;
mod cell;
mod config;
mod connect;
mod connection;
mod control;
mod delivery;
mod dispatch;
mod driver;
mod error;
mod events;
mod function_call;
mod generated;
mod goodbye;
mod group;
pub mod hooks;
mod master;
mod ping;
mod running;
mod task;

pub use connect::Connect;
pub use connection::{Connection, ConnectionEvents, ConnectionState};
pub use control::{
    Control, ControlError, Execution, ExecutionPages, ListExecutions, PartsFailed, QueuePosition,
    QueuedExecution, StartDetached, WaitLook, WaitMonitor, WaitedExecution, Watch,
};
pub use error::{
    ConnectError, DisconnectError, Elapsed, GreetingTimeout, GroupError, HookError, InputError,
    InsideRuntime, InvalidGroup, JoinError, NotStarted, StartError,
};
pub use events::{Events, TaskEvent};
pub use function_call::{
    CompletedTask, ExecuteError, ExecuteFunction, FunctionCalls, FunctionEnvironment,
    FunctionQueue, FunctionReply, ManagerState, ManagerStatus, QueueItem, QueueItemError,
    RefusedCall, TaskReply, TaskState, WaitForTasks, WaitTasksError,
};
pub use group::{Group, GroupMember, GroupOutcome, GroupTask, RunningGroup};
pub use hooks::OnStartError;
pub use master::{Master, MasterBuilder};
pub use ping::{SlaveInfo, ping};
pub use running::RunningTask;
pub use task::Task;
