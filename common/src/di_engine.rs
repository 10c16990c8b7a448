//! How does an answer look to a client of DI-engine?
//!
//! The two tables of numbers, one for each end, and the JSON envelope that carries them. The
//! same number means different things at the two ends, so every end has types of its own:
//!
//! ```text
//! {"success": false, "code": 602, "message": "Task refused.", "data": {}}
//!       │ from_json
//!    Response ── slave_error(status) ──► SlaveError  { kind: SlaveErrorKind,  status, … }
//!             └─ master_error(status) ─► MasterError { kind: MasterErrorKind, status, … }
//! ```

mod codes;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use codes::{COMMON_FAILURE, SUCCESS};
pub use codes::{
    MasterCode, MasterError, MasterErrorKind, SlaveCode, SlaveError, SlaveErrorKind, UnknownCode,
};

/// The envelope of every answer: `{"success", "code", "message", "data"}`.
///
/// Reading it takes a missing or null message as empty, missing or null data as an empty map,
/// and leaves unknown fields aside; `success` and `code` must be there.
///
/// ```
/// use selsyn_common::di_engine::{Response, SlaveErrorKind};
///
/// let body = br#"{"success": false, "code": 602, "message": "Task refused."}"#;
/// let error = Response::from_json(body)?.slave_error(403).expect("it is no success");
/// assert_eq!(error.kind, SlaveErrorKind::TaskRefused);
/// assert_eq!(error.to_string(), "the slave refused the task (602): Task refused.");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// Whether the request was done; decides alone, whatever the code.
    pub success: bool,
    /// 0 for a success, else a number of the answering end's table or one it does not have.
    pub code: u16,
    /// For a person to read.
    #[serde(default, deserialize_with = "null_as_default")]
    pub message: String,
    /// For a program to read.
    #[serde(default, deserialize_with = "null_as_default")]
    pub data: Map<String, Value>,
}

impl Response {
    /// Makes the answer to a request that was done: code 0, message `Success.`
    pub fn success(data: Map<String, Value>) -> Self {
        Self { success: true, code: SUCCESS, message: "Success.".into(), data }
    }

    /// Makes the answer to a request that was not done.
    ///
    /// `code`: 1 (`COMMON_FAILURE`) when absent. `message`: `Failed.` when absent.
    pub fn failure(code: Option<u16>, message: Option<String>, data: Map<String, Value>) -> Self {
        Self {
            success: false,
            code: code.unwrap_or(COMMON_FAILURE),
            message: message.unwrap_or_else(|| "Failed.".into()),
            data,
        }
    }

    /// Reads the body of an answer.
    ///
    /// # Errors
    ///
    /// [`serde_json::Error`] when the body is no JSON, lacks `success` or `code`, or has a field
    /// of another type; such as the HTML page of a server that failed before it could answer.
    pub fn from_json(body: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(body)
    }
}

/// Joins the peer's words to ours; nothing when it had none.
fn after_colon(message: &str) -> String {
    match message {
        "" => String::new(),
        words => format!(": {words}"),
    }
}

/// Reads null as if the field were missing.
fn null_as_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
#[path = "di_engine/tests.rs"]
mod tests;
