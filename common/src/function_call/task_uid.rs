//! Names tasks as bluesky does: by texts, one or several.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::read::kind;
use crate::{ErrorCode, ExecutionId, TaskId};

/// Names a task as bluesky does: the text of its id. Any text may be asked for; one that is no id
/// names a task that nobody has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskUid(Box<str>);

impl TaskUid {
    /// The text.
    pub const fn as_str(&self) -> &str {
        &self.0
    }

    /// The task's first run; `None` when the text is no id.
    pub fn execution(&self) -> Option<ExecutionId> {
        let uuid = Uuid::parse_str(&self.0).ok()?;
        Some(ExecutionId::first(TaskId::from_uuid(uuid)))
    }
}

impl fmt::Display for TaskUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for TaskUid {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for TaskUid {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&Self> for TaskUid {
    fn from(uid: &Self) -> Self {
        uid.clone()
    }
}

impl From<TaskId> for TaskUid {
    fn from(task: TaskId) -> Self {
        task.uuid().to_string().into()
    }
}

/// The tasks that somebody asks about: one, or several, each named once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskUids {
    /// One, whose answer stands alone.
    One(TaskUid),
    /// Several, whose answers are a map.
    Many(BTreeSet<TaskUid>),
}

/// Why it cannot be said which tasks are meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TaskUidsError {
    /// The request does not name any.
    #[error("the required parameter 'task_uid' is missing")]
    Missing,
    /// The request has a parameter that is none.
    #[error("the request has the unsupported parameter {name:?}: it takes 'task_uid'")]
    UnsupportedParameter {
        /// Its name.
        name: String,
    },
    /// They are named by something else than texts.
    #[error("a task is named by a text, several by a list of texts, not by {found}")]
    WrongType {
        /// What they are named by.
        found: &'static str,
    },
    /// The list is empty.
    #[error("the list names no task")]
    NoTask,
    /// One of the texts is empty.
    #[error("an empty text names no task")]
    EmptyUid,
}

impl TaskUidsError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        ErrorCode::FilterInvalid.as_str()
    }
}

impl TaskUids {
    /// Reads the request of bluesky's `task_status` and `task_result`: `{task_uid}`.
    ///
    /// # Errors
    ///
    /// [`TaskUidsError`], which names the rule that the request breaks.
    pub fn from_request(request: &Map<String, Value>) -> Result<Self, TaskUidsError> {
        if let Some(name) = request.keys().find(|name| *name != "task_uid") {
            return Err(TaskUidsError::UnsupportedParameter { name: name.clone() });
        }
        Self::from_json(request.get("task_uid").ok_or(TaskUidsError::Missing)?)
    }

    /// Reads a text, or a list of texts.
    ///
    /// # Errors
    ///
    /// [`TaskUidsError::WrongType`] for anything else; [`TaskUidsError::NoTask`] and
    /// [`TaskUidsError::EmptyUid`] for what names no task.
    pub fn from_json(uids: &Value) -> Result<Self, TaskUidsError> {
        let text = |value: &Value| match value.as_str() {
            Some("") => Err(TaskUidsError::EmptyUid),
            Some(text) => Ok(TaskUid::from(text)),
            None => Err(TaskUidsError::WrongType { found: kind(value) }),
        };
        match uids {
            Value::Array(uids) if uids.is_empty() => Err(TaskUidsError::NoTask),
            Value::Array(uids) => uids.iter().map(text).collect::<Result<_, _>>().map(Self::Many),
            one => text(one).map(Self::One),
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &TaskUid> {
        let (one, many) = match self {
            Self::One(uid) => (Some(uid), None),
            Self::Many(uids) => (None, Some(uids)),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }
}
