//! Reads a call from JSON that anybody may have sent.

use serde_json::{Map, Value};

use super::error::SUPPORTED;
use super::{FunctionCall, FunctionCallError, FunctionItem, LockKey};
use crate::Call;

impl FunctionCall {
    /// Reads bluesky's request: `{item, user, user_group, run_in_background?, lock_key?}`, the item
    /// being `{item_type: "function", name, args?, kwargs?, meta?}`. User and group have no default
    /// here, as they have none at bluesky's server. An `item_uid` is not read: a call is given one.
    ///
    /// # Errors
    ///
    /// [`FunctionCallError`], which names the rule that the request breaks.
    pub fn from_json(request: &Value) -> Result<Self, FunctionCallError> {
        let not_an_object = || FunctionCallError::NotAnObject { found: kind(request) };
        let request = request.as_object().ok_or_else(not_an_object)?;
        if let Some(name) = request.keys().find(|name| !SUPPORTED.contains(&name.as_str())) {
            return Err(FunctionCallError::UnsupportedParameter { name: name.clone() });
        }
        let call = Self {
            item: item(request.get("item").ok_or(FunctionCallError::ItemMissing)?)?,
            run_in_background: flag(request, "run_in_background")?,
            user: text(request, "user")?.ok_or(FunctionCallError::UserMissing)?,
            user_group: text(request, "user_group")?.ok_or(FunctionCallError::UserGroupMissing)?,
            lock_key: text(request, "lock_key")?.map(LockKey::from),
        };
        call.check()?;
        Ok(call)
    }
}

fn item(item: &Value) -> Result<FunctionItem, FunctionCallError> {
    let not_an_object = || FunctionCallError::ItemNotAnObject { found: kind(item) };
    let item = item.as_object().ok_or_else(not_an_object)?;
    let item_type = item.get("item_type").unwrap_or(&Value::Null);
    if item_type != "function" {
        return Err(FunctionCallError::ItemType { found: item_type.to_string() });
    }
    let given = |key| item.get(key).cloned().unwrap_or_default();
    Ok(FunctionItem {
        name: text(item, "name")?.ok_or(FunctionCallError::NameMissing)?,
        call: Call { args: args(given("args"))?, kwargs: kwargs(given("kwargs"))? },
        meta: given("meta"),
    })
}

/// Positional arguments; null is none.
pub(super) fn args(args: Value) -> Result<Vec<Value>, FunctionCallError> {
    match args {
        Value::Array(args) => Ok(args),
        Value::Null => Ok(Vec::new()),
        other => Err(FunctionCallError::ArgsNotAList { found: kind(&other) }),
    }
}

/// Named arguments; null is none.
pub(super) fn kwargs(kwargs: Value) -> Result<Map<String, Value>, FunctionCallError> {
    match kwargs {
        Value::Object(kwargs) => Ok(kwargs),
        Value::Null => Ok(Map::new()),
        other => Err(FunctionCallError::KwargsNotAMap { found: kind(&other) }),
    }
}

/// A text; null is none, as it is to bluesky's client.
fn text(
    object: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<String>, FunctionCallError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(other) => {
            let (wanted, found) = ("a text", kind(other));
            Err(FunctionCallError::WrongType { name, wanted, found })
        }
    }
}

/// Yes or no; null is no.
fn flag(object: &Map<String, Value>, name: &'static str) -> Result<bool, FunctionCallError> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => {
            let (wanted, found) = ("true or false", kind(other));
            Err(FunctionCallError::WrongType { name, wanted, found })
        }
    }
}

/// What a value is, in a word.
pub(super) const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
