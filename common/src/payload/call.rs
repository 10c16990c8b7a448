//! Positional and named arguments, bluesky's and Python's way of calling.

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Payload, PayloadError, PayloadKind};

/// Arguments of a function call: `args` by position, `kwargs` by name.
///
/// A function whose argument is a struct takes a call with `kwargs` alone; one whose argument is
/// a tuple or a sequence takes `args` alone; one whose argument is `Call` takes both.
///
/// ```
/// use selsyn_common::{Call, Payload};
///
/// let payload = Call::new().arg(2)?.arg(3)?.into_payload()?;
/// assert_eq!(payload.to::<(i32, i32)>()?, (2, 3));
/// # Ok::<(), selsyn_common::PayloadError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// Arguments by position.
    pub args: Vec<Value>,
    /// Arguments by name.
    pub kwargs: Map<String, Value>,
}

/// The JSON form, apart from [`Call`] so that `Call` itself stays a payload of its own kind.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(default)]
    args: Vec<Value>,
    #[serde(default)]
    kwargs: Map<String, Value>,
}

impl Call {
    /// Begins a call without arguments.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an argument by position.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the value has no JSON form.
    pub fn arg(mut self, value: impl Serialize) -> Result<Self, PayloadError> {
        self.args.push(serde_json::to_value(value).map_err(PayloadError::Encode)?);
        Ok(self)
    }

    /// Adds an argument by name; a later one of the same name replaces it.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the value has no JSON form.
    pub fn kwarg(mut self, name: &str, value: impl Serialize) -> Result<Self, PayloadError> {
        let value = serde_json::to_value(value).map_err(PayloadError::Encode)?;
        self.kwargs.insert(name.to_owned(), value);
        Ok(self)
    }

    /// Encodes the call.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`]; not for values that [`Call::arg`] and [`Call::kwarg`] took.
    pub fn into_payload(self) -> Result<Payload, PayloadError> {
        let Self { args, kwargs } = self;
        let bytes = serde_json::to_vec(&Wire { args, kwargs }).map_err(PayloadError::Encode)?;
        Ok(Payload::from_parts(PayloadKind::Call, bytes.into()))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        let Wire { args, kwargs } = serde_json::from_slice(bytes)?;
        Ok(Self { args, kwargs })
    }

    /// Reads the arguments as one value: a map, a sequence, or nothing at all.
    pub(super) fn into_typed<T: DeserializeOwned>(self) -> Result<T, serde_json::Error> {
        match (self.args.is_empty(), self.kwargs.is_empty()) {
            (true, false) => serde_json::from_value(Value::Object(self.kwargs)),
            (false, true) => serde_json::from_value(Value::Array(self.args)),
            (true, true) => serde_json::from_value(Value::Object(self.kwargs))
                .or_else(|_| serde_json::from_value(Value::Null))
                .or_else(|_| serde_json::from_value(Value::Array(self.args))),
            (false, false) => Err(serde_json::Error::custom(
                "positional and named arguments together need a function that takes `Call`",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Train {
        epochs: u32,
    }

    #[test]
    fn named_arguments_alone_read_like_a_map() {
        let payload = Call::new().kwarg("epochs", 3).unwrap().into_payload().unwrap();
        assert_eq!(payload.to::<Train>().unwrap(), Train { epochs: 3 });
    }

    #[test]
    fn positional_arguments_alone_read_like_a_sequence() {
        let payload = Call::new().arg(2).unwrap().arg("x").unwrap().into_payload().unwrap();
        assert_eq!(payload.to::<(u8, String)>().unwrap(), (2, "x".to_owned()));
    }

    #[test]
    fn no_arguments_at_all_read_like_unit_map_or_sequence() {
        let payload = Call::new().into_payload().unwrap();
        payload.to::<()>().unwrap();
        assert_eq!(payload.to::<Value>().unwrap(), json!({}));
        assert_eq!(payload.to::<Vec<u8>>().unwrap(), Vec::<u8>::new());
    }

    #[test]
    fn both_together_are_refused_by_a_function_that_takes_one_value() {
        let call = Call::new().arg(1).unwrap().kwarg("epochs", 3).unwrap();
        let error = call.into_payload().unwrap().to::<Train>().unwrap_err();
        assert!(error.to_string().contains("need a function that takes `Call`"));
    }
}
