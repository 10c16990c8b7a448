//! What a child task has of the execution it belongs to.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use crate::{ExecutionId, TaskId};

/// Where a task stands in a tree of tasks; a task that nobody's function started has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The execution whose function started it.
    pub parent: ExecutionId,
    /// The task at the root of the tree: the same in the whole tree.
    pub trace: TaskId,
}

/// Says when work shall stop that somebody else began.
pub trait StopSignal: fmt::Debug + Send + Sync {
    /// Why it shall stop; `None` while it may go on.
    fn reason(&self) -> Option<String>;

    /// Waits until there is a reason to stop.
    fn stopped(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// An execution, as the tasks that its function starts elsewhere see it: they inherit its
/// deadline, and stop when it is asked to stop or has ended.
///
/// A slave's `FunctionExecution::context()` makes it, a master's `Task::child_of()` takes it: a
/// plain value, so that neither side knows the other.
#[derive(Clone, Debug)]
pub struct Context {
    lineage: Lineage,
    deadline: Option<Instant>,
    signal: Arc<dyn StopSignal>,
}

impl Context {
    /// Makes the context of an execution: what its children descend from, the moment it is ended
    /// at, if there is one, and the signal that stops them.
    pub fn new(lineage: Lineage, deadline: Option<Instant>, signal: Arc<dyn StopSignal>) -> Self {
        Self { lineage, deadline, signal }
    }

    /// Which execution it is: the parent of the tasks that are given this context.
    pub const fn execution(&self) -> ExecutionId {
        self.lineage.parent
    }

    /// The task at the root of the tree.
    pub const fn trace_id(&self) -> TaskId {
        self.lineage.trace
    }

    /// What tasks that are given this context descend from.
    pub const fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// When the execution is ended; its children have no more time than that. `None` means that
    /// it has no deadline.
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Tells the children to stop.
    pub fn signal(&self) -> &Arc<dyn StopSignal> {
        &self.signal
    }
}
