//! What a slave says of calls and of the tasks that they became.

use std::time::{SystemTime, UNIX_EPOCH};

use selsyn_common::{ExecutionInfo, Failure, Outcome, Payload, TaskUid};
use serde_json::{Value, json};

/// A call that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionReply {
    /// What is called, as JSON: name, arguments, user and group, and the task's uid as `item_uid`.
    pub item: Value,
    /// The task, by which its result is asked for.
    pub task_uid: TaskUid,
}

impl FunctionReply {
    /// bluesky's reply: `{success: true, msg: "", item, task_uid}`.
    pub fn to_json(&self) -> Value {
        let Self { item, task_uid } = self;
        json!({"success": true, "msg": "", "item": item, "task_uid": task_uid.as_str()})
    }
}

/// Where a task stands, in bluesky's three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// It runs, or waits for a slot.
    Running,
    /// It has ended, with a value or without.
    Completed,
    /// The slave has none of this uid, or keeps it no more.
    NotFound,
}

impl TaskState {
    /// bluesky's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Completed => "completed",
            Self::NotFound => "not_found",
        }
    }
}

impl std::fmt::Display for TaskState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// What the slave has to say of a task (bluesky: the reply of `task_result`).
#[derive(Clone, Debug, PartialEq)]
pub enum TaskReply {
    /// It runs, or waits for a slot.
    Running {
        /// Which task.
        task_uid: TaskUid,
        /// When it was accepted, by the slave's clock.
        time_start: SystemTime,
        /// It is not the one in front.
        run_in_background: bool,
    },
    /// It has ended.
    Completed(Box<CompletedTask>),
    /// The slave has none of this uid, or keeps it no more.
    NotFound {
        /// The uid.
        task_uid: TaskUid,
    },
}

/// A task that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct CompletedTask {
    /// Which task.
    pub task_uid: TaskUid,
    /// Whether the function returned a value.
    pub success: bool,
    /// Why it did not; empty when it did.
    pub msg: String,
    /// The same with its causes, as a text that begins with "Traceback"; empty when it did.
    pub traceback: String,
    /// What it returned; null when it did not, and where that has no JSON form.
    pub return_value: Value,
    /// When it was accepted, by the slave's clock.
    pub time_start: SystemTime,
    /// When it ended, by the slave's clock.
    pub time_stop: SystemTime,
    /// It was not the one in front.
    pub run_in_background: bool,
    /// All that there is to say of its end.
    pub outcome: Outcome,
}

impl CompletedTask {
    pub(super) fn new(task_uid: TaskUid, info: &ExecutionInfo, outcome: Outcome) -> Self {
        let failure = outcome.failure();
        Self {
            task_uid,
            success: outcome.is_completed(),
            msg: failure.map(|failure| failure.message.clone()).unwrap_or_default(),
            traceback: failure.map(traceback).unwrap_or_default(),
            return_value: outcome.value().and_then(json_of).unwrap_or_default(),
            time_start: info.came,
            time_stop: info.ended.unwrap_or(info.came),
            run_in_background: !info.foreground,
            outcome,
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "task_uid": self.task_uid.as_str(),
            "success": self.success,
            "msg": self.msg,
            "traceback": self.traceback,
            "return_value": self.return_value,
            "time_start": seconds(self.time_start),
            "time_stop": seconds(self.time_stop),
            "run_in_background": self.run_in_background,
        })
    }
}

impl TaskReply {
    /// Where the task stands.
    pub const fn state(&self) -> TaskState {
        match self {
            Self::Running { .. } => TaskState::Running,
            Self::Completed(_) => TaskState::Completed,
            Self::NotFound { .. } => TaskState::NotFound,
        }
    }

    /// Which task it is about.
    pub const fn task_uid(&self) -> &TaskUid {
        match self {
            Self::Running { task_uid, .. } | Self::NotFound { task_uid } => task_uid,
            Self::Completed(completed) => &completed.task_uid,
        }
    }

    /// The task, if it has ended.
    pub fn completed(&self) -> Option<&CompletedTask> {
        match self {
            Self::Completed(completed) => Some(completed),
            Self::Running { .. } | Self::NotFound { .. } => None,
        }
    }

    /// bluesky's reply: `{success: true, msg: "", task_uid, status, result}`, with times in seconds
    /// since 1970.
    pub fn to_json(&self) -> Value {
        let uid = self.task_uid().as_str();
        let result = match self {
            Self::Running { time_start, run_in_background, .. } => json!({
                "task_uid": uid,
                "time_start": seconds(*time_start),
                "run_in_background": run_in_background,
            }),
            Self::Completed(completed) => completed.to_json(),
            Self::NotFound { .. } => json!({}),
        };
        let status = self.state().name();
        json!({"success": true, "msg": "", "task_uid": uid, "status": status, "result": result})
    }
}

/// A value as JSON, where it has a form.
fn json_of(value: &Payload) -> Option<Value> {
    value.json().ok()
}

fn traceback(failure: &Failure) -> String {
    let causes: String = failure.trace.iter().map(|line| format!("  {line}\n")).collect();
    format!("Traceback (outermost cause first):\n{causes}{}: {}", failure.code(), failure.message)
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
