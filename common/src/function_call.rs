//! A call of a function as bluesky queueserver words it: an item, and who asks for it.

mod error;
mod lock_key;
mod read;
mod task_uid;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{Call, Payload, PayloadError};

pub use error::FunctionCallError;
pub use lock_key::LockKey;
pub use task_uid::{TaskUid, TaskUids, TaskUidsError};

/// What shall be called, with which arguments (bluesky: `BFunc`, an item of type `function`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FunctionItem {
    /// The function's name.
    pub name: String,
    /// Its arguments, by position and by name.
    pub call: Call,
    /// What the caller notes along; the slave does not read it. `null` for nothing.
    pub meta: Value,
}

/// A call of a function, and how it shall run (bluesky: `function_execute`).
///
/// Made by the methods of a connection, or of JSON that a stranger sent:
///
/// ```
/// use selsyn_common::{FunctionCall, FunctionCallError};
/// use serde_json::json;
///
/// let mut request = json!({
///     "item": {"item_type": "function", "name": "function_sleep", "args": [10]},
///     "user": "ada",
///     "user_group": "primary",
/// });
/// assert_eq!(FunctionCall::from_json(&request)?.item.name, "function_sleep");
///
/// request["item"]["args"] = json!(50);
/// let error = FunctionCall::from_json(&request).unwrap_err();
/// assert!(matches!(error, FunctionCallError::ArgsNotAList { .. }));
/// # Ok::<(), FunctionCallError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    /// What is called.
    pub item: FunctionItem,
    /// Beside what runs, and not in front; default false.
    pub run_in_background: bool,
    /// Who asks; default [`FunctionCall::USER`].
    pub user: String,
    /// The group of who asks; default [`FunctionCall::USER_GROUP`].
    pub user_group: String,
    /// The key of the lock that may be on the slave.
    pub lock_key: Option<LockKey>,
}

impl FunctionCall {
    /// The user where none is named, as at bluesky's client.
    pub const USER: &'static str = "Queue Server API User";
    /// The group where none is named, as at bluesky's client.
    pub const USER_GROUP: &'static str = "primary";

    /// Begins a call of the function of this name: without arguments, in front.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            item: FunctionItem { name: name.into(), ..FunctionItem::default() },
            run_in_background: false,
            user: Self::USER.to_owned(),
            user_group: Self::USER_GROUP.to_owned(),
            lock_key: None,
        }
    }

    /// Replaces the arguments by position: of anything that is a list in JSON, as an array, a
    /// `Vec` or a tuple.
    ///
    /// # Errors
    ///
    /// [`FunctionCallError::ArgsNotAList`], [`FunctionCallError::NotEncodable`]: change the value.
    pub fn set_args(&mut self, args: impl Serialize) -> Result<(), FunctionCallError> {
        self.item.call.args = read::args(encode(args)?)?;
        Ok(())
    }

    /// Replaces the arguments by name: of anything that is an object in JSON, as a map or a struct.
    ///
    /// # Errors
    ///
    /// [`FunctionCallError::KwargsNotAMap`], [`FunctionCallError::NotEncodable`]: change the value.
    pub fn set_kwargs(&mut self, kwargs: impl Serialize) -> Result<(), FunctionCallError> {
        self.item.call.kwargs = read::kwargs(encode(kwargs)?)?;
        Ok(())
    }

    /// Checks what types leave open: that it names a function, a user and a group.
    ///
    /// # Errors
    ///
    /// [`FunctionCallError::NameMissing`], [`FunctionCallError::UserMissing`],
    /// [`FunctionCallError::UserGroupMissing`].
    pub fn check(&self) -> Result<(), FunctionCallError> {
        let Self { item, user, user_group, .. } = self;
        match () {
            () if item.name.is_empty() => Err(FunctionCallError::NameMissing),
            () if user.is_empty() => Err(FunctionCallError::UserMissing),
            () if user_group.is_empty() => Err(FunctionCallError::UserGroupMissing),
            () => Ok(()),
        }
    }

    /// The arguments as the function is given them.
    ///
    /// # Errors
    ///
    /// As for [`Call::into_payload`].
    pub fn payload(&self) -> Result<Payload, PayloadError> {
        self.item.call.clone().into_payload()
    }

    /// The item as JSON, with who asks for it; as the one that was started when that is named.
    pub fn item_json(&self, started: Option<&TaskUid>) -> Value {
        let FunctionItem { name, call: Call { args, kwargs }, meta } = &self.item;
        let mut item = Map::new();
        let mut put = |key: &str, value| drop(item.insert(key.to_owned(), value));
        put("item_type", json!("function"));
        put("name", json!(name));
        put("args", json!(args));
        put("kwargs", json!(kwargs));
        if !meta.is_null() {
            put("meta", meta.clone());
        }
        put("user", json!(self.user));
        put("user_group", json!(self.user_group));
        if let Some(uid) = started {
            put("item_uid", json!(uid.as_str()));
        }
        Value::Object(item)
    }
}

fn encode(value: impl Serialize) -> Result<Value, FunctionCallError> {
    serde_json::to_value(value).map_err(|error| PayloadError::Encode(error).into())
}

#[cfg(test)]
mod tests;
