//! A call of a function, about to be made.

use std::future::IntoFuture;

use selsyn_common::{FunctionCall, FunctionCallError, LockKey, TaskId, TaskUid};
use serde::Serialize;

use super::{ExecuteError, FunctionReply};
use crate::control::Control;
use crate::hooks::Boxed;

/// A call of a function that is being made (bluesky: `function_execute`). Await it, or what
/// [`execute`](Self::execute) gives: it is there when the slave has accepted the call.
#[derive(Debug)]
#[must_use = "nothing is called before this is awaited"]
pub struct ExecuteFunction {
    control: Control,
    call: FunctionCall,
    task: Option<TaskId>,
    /// The first value that could not be taken.
    wrong: Option<FunctionCallError>,
}

impl ExecuteFunction {
    pub(super) const fn new(control: Control, call: FunctionCall) -> Self {
        Self { control, call, task: None, wrong: None }
    }

    /// The arguments by position, of anything that is a list in JSON: an array, a `Vec`, a tuple.
    /// What is none, or has no JSON form, is refused when the call is made, and nothing is sent.
    pub fn args(mut self, args: impl Serialize) -> Self {
        let taken = self.call.set_args(args);
        self.note(taken)
    }

    /// The arguments by name, of anything that is an object in JSON: a map, a struct. Refused as
    /// [`args`](Self::args) are.
    pub fn kwargs(mut self, kwargs: impl Serialize) -> Self {
        let taken = self.call.set_kwargs(kwargs);
        self.note(taken)
    }

    fn note(mut self, taken: Result<(), FunctionCallError>) -> Self {
        self.wrong = self.wrong.or(taken.err());
        self
    }

    /// Whether it runs beside what runs, where it may have to wait for a slot. Default false: in
    /// front, where it never waits.
    pub const fn run_in_background(mut self, run_in_background: bool) -> Self {
        self.call.run_in_background = run_in_background;
        self
    }

    /// Who asks; default [`FunctionCall::USER`]. Slaves have no permissions yet: it comes back in the
    /// item, and is not sent.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.call.user = user.into();
        self
    }

    /// The group of who asks; default [`FunctionCall::USER_GROUP`]. As of [`user`](Self::user), no slave
    /// is told.
    pub fn user_group(mut self, user_group: impl Into<String>) -> Self {
        self.call.user_group = user_group.into();
        self
    }

    /// The key of the lock that may be on the slave; default none. Slaves have no locks yet: it is
    /// not sent.
    pub fn lock_key(mut self, lock_key: impl Into<LockKey>) -> Self {
        self.call.lock_key = Some(lock_key.into());
        self
    }

    /// Names the task, so that a call whose answer was lost can be made again: the same call under
    /// the same id starts nothing twice. Default a new id.
    pub const fn task_id(mut self, task: TaskId) -> Self {
        self.task = Some(task);
        self
    }

    /// Makes the call. The slave has accepted it when this returns: what comes of it is asked for
    /// by the uid.
    ///
    /// # Errors
    ///
    /// [`ExecuteError::Invalid`] when it breaks a rule: nothing was sent. Of the refusals, after
    /// which nothing has run, [`ExecuteError::NotIdle`] when something runs in front: wait for it,
    /// or run in the background; [`ExecuteError::Busy`] when slots and queue are full;
    /// [`ExecuteError::UnknownFunction`]; [`ExecuteError::NotOpen`]; [`ExecuteError::Refused`].
    /// [`ExecuteError::NotAnswered`], with the uid: ask for it, or make the call again under it.
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the call on its way: name the task to be able to ask for it.
    pub async fn execute(self) -> Result<FunctionReply, ExecuteError> {
        let Self { control, call, task, wrong } = self;
        wrong.map_or(Ok(()), Err)?;
        call.check()?;
        let task = task.unwrap_or_else(|| control.new_task_id());
        let data = call.payload().map_err(FunctionCallError::from)?;
        let start = control.start(&call.item.name, data).map_err(FunctionCallError::from)?;
        let start = start.id(task);
        let start = if call.run_in_background { start } else { start.foreground() };
        let task_uid = TaskUid::from(task);
        match start.await {
            Ok(_) => Ok(FunctionReply { item: call.item_json(Some(&task_uid)), task_uid }),
            Err(error) => Err(ExecuteError::of(error, call.item_json(None), task_uid)),
        }
    }
}

impl IntoFuture for ExecuteFunction {
    /// As [`execute`](ExecuteFunction::execute) gives it.
    type Output = Result<FunctionReply, ExecuteError>;
    type IntoFuture = Boxed<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.execute())
    }
}
