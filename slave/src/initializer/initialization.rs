//! What an initializer hears of what it is to do.

use std::sync::Arc;

use selsyn_common::TaskId;

use crate::about::{Executor, FunctionInfo};
use crate::registry::Registered;

/// What an initializer is told.
#[derive(Clone, Debug)]
pub struct Initialization {
    pub(crate) function: Arc<Registered>,
    pub(crate) request: TaskId,
    pub(crate) attempt: u32,
}

impl Initialization {
    /// The name of the function it is for.
    pub fn function(&self) -> &str {
        &self.function.name
    }

    /// What the function's registration says of it.
    pub fn function_info(&self) -> &FunctionInfo {
        &self.function.function.about
    }

    /// A value of the registration's user data; `None` when there is none of this name.
    pub fn user_data(&self, key: &str) -> Option<&serde_json::Value> {
        self.function_info().user_data.get(key)
    }

    /// The slave it runs on.
    pub fn executor(&self) -> &Executor {
        &self.function.executor
    }

    /// The task whose start made it necessary.
    pub const fn request_id(&self) -> TaskId {
        self.request
    }

    /// Which attempt, from 1.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}
