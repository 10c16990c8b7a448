//! The arguments of a run, one by one.

use std::any::type_name;

use selsyn_common::{Call, ErrorCode, FromPayload, PayloadError, PayloadKind};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Extras, FunctionExecution};

/// Why an argument could not be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The caller gave no argument of this name or at this place.
    #[error("there is no argument {which}")]
    Missing {
        /// Its name, or its place from 0.
        which: String,
    },
    /// The argument is of another type.
    #[error("argument {which} cannot be read as {wanted}: {why}")]
    Unreadable {
        /// Its name, or its place from 0.
        which: String,
        /// The Rust type that was asked for.
        wanted: &'static str,
        /// Where the reading failed.
        why: String,
    },
    /// The data is neither JSON nor a call: it has no arguments to look for.
    #[error("the data has no arguments: it is a payload of kind {kind:?}")]
    NotArguments {
        /// The kind it has.
        kind: PayloadKind,
    },
}

impl ArgumentError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        ErrorCode::DataInvalid.as_str()
    }
}

/// The arguments as they were read once.
#[derive(Debug)]
pub(super) enum Arguments {
    Call(Call),
    None(ArgumentError),
}

impl Arguments {
    fn read(execution: &FunctionExecution) -> Self {
        let kind = execution.data().kind();
        let call = match kind {
            PayloadKind::Call => Call::from_payload(execution.data()),
            PayloadKind::Json => execution.data().json().map(spread),
            PayloadKind::Bytes | PayloadKind::Prost => {
                return Self::None(ArgumentError::NotArguments { kind });
            }
        };
        call.map_or_else(|error| Self::None(unreadable::<Call>("data", &error)), Self::Call)
    }
}

/// An object has arguments by name, a list by place; anything else is the only one.
fn spread(value: Value) -> Call {
    match value {
        Value::Object(kwargs) => Call { kwargs, ..Call::new() },
        Value::Array(args) => Call { args, ..Call::new() },
        Value::Null => Call::new(),
        other => Call { args: vec![other], ..Call::new() },
    }
}

/// Arguments, one by one. A function whose second parameter has a type of its own reads all of them
/// at once; this is for those that take [`Payload`](selsyn_common::Payload) or
/// [`Call`](selsyn_common::Call), and for code further in.
impl FunctionExecution {
    /// The argument of this name (CloudPSS: `args.name`): a field of the JSON object that came, or
    /// a named argument of the call.
    ///
    /// # Errors
    ///
    /// [`ArgumentError`] when there is none, or it is of another type.
    pub fn arg<T: DeserializeOwned>(&self, name: &str) -> Result<T, ArgumentError> {
        let extras = self.record.extras();
        read(self.call(&extras)?.kwargs.get(name), name)
    }

    /// The argument at this place, from 0: an element of the JSON list that came, or a positional
    /// argument of the call. Data that is neither object nor list is the one at place 0.
    ///
    /// # Errors
    ///
    /// [`ArgumentError`] when there is none, or it is of another type.
    pub fn arg_at<T: DeserializeOwned>(&self, place: usize) -> Result<T, ArgumentError> {
        let extras = self.record.extras();
        read(self.call(&extras)?.args.get(place), &place.to_string())
    }

    /// All arguments as one value, as the function's own parameter would read them.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when the data is of another shape.
    pub fn args<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        self.data().to()
    }

    /// The arguments, which are read once.
    fn call<'a>(&self, extras: &'a Extras) -> Result<&'a Call, ArgumentError> {
        let read = || Arguments::read(self);
        match extras.arguments.get_or_init(read) {
            Arguments::Call(call) => Ok(call),
            Arguments::None(error) => Err(error.clone()),
        }
    }
}

fn read<T: DeserializeOwned>(value: Option<&Value>, which: &str) -> Result<T, ArgumentError> {
    let value = value.ok_or_else(|| ArgumentError::Missing { which: which.to_owned() })?;
    T::deserialize(value).map_err(|error| unreadable::<T>(which, &error))
}

fn unreadable<T>(which: &str, error: &impl ToString) -> ArgumentError {
    let (which, wanted) = (which.to_owned(), type_name::<T>());
    ArgumentError::Unreadable { which, wanted, why: error.to_string() }
}
