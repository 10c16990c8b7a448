//! Why something did not happen: one enum a question.

mod connect;
mod disconnect;
mod group;
mod hook;
mod input;
mod inside_runtime;
mod join;
mod start;

pub use connect::{ConnectError, GreetingTimeout};
pub use disconnect::DisconnectError;
pub use group::{GroupError, InvalidGroup};
pub use hook::HookError;
pub use input::InputError;
pub use inside_runtime::InsideRuntime;
pub use join::{Elapsed, JoinError};
pub use start::{NotStarted, StartError};
