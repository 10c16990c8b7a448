//! Carries the application's data: bytes, and how to read them.

mod call;
mod convert;

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use call::Call;
#[cfg(feature = "prost-payload")]
pub use convert::Prost;
pub use convert::{FromPayload, IntoPayload};

/// How the bytes of a payload are to be read.
// As wide as the room that it takes beside the bytes: padding is moved in pieces, and who reads a
// word right after its pieces were written waits for them.
#[repr(u64)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// UTF-8 JSON text; the default.
    Json,
    /// Raw bytes that only the application understands.
    Bytes,
    /// A protobuf message that both sides know.
    Prost,
    /// Positional and named arguments: see [`Call`].
    Call,
}

/// Data of the application: opaque to the framework, cheap to clone.
///
/// `Display` shows JSON as its text and everything else by its length.
///
/// ```
/// use selsyn_common::Payload;
///
/// let payload = Payload::encode(&[1, 2, 3])?;
/// assert_eq!(payload.to_string(), "[1,2,3]");
/// assert_eq!(payload.to::<Vec<u8>>()?, [1, 2, 3]);
/// # Ok::<(), selsyn_common::PayloadError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    kind: PayloadKind,
    bytes: Bytes,
}

/// Says why data could not be encoded, or not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// The value has no JSON form: a map with keys that are no strings, or a failing `Serialize`.
    #[error("the data cannot be encoded as JSON: {0}")]
    Encode(#[source] serde_json::Error),
    /// The JSON is not of the type that was asked for.
    #[error("the data cannot be read as {wanted}: {source}")]
    Decode {
        /// The Rust type that was asked for.
        wanted: &'static str,
        /// Where the reading failed.
        source: serde_json::Error,
    },
    /// The payload is of another kind than was asked for.
    #[error("the data cannot be read as {wanted}: it is a payload of kind {kind:?}")]
    Kind {
        /// The Rust type that was asked for.
        wanted: &'static str,
        /// The kind it has.
        kind: PayloadKind,
    },
    /// The protobuf message cannot be read.
    #[error("the data cannot be read as {wanted}: {source}")]
    Prost {
        /// The message type that was asked for.
        wanted: &'static str,
        /// Where the reading failed.
        source: prost::DecodeError,
    },
}

impl PayloadError {
    /// The row of the table of codes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encode(_) => crate::ErrorCode::NotEncodable.as_str(),
            Self::Decode { .. } | Self::Kind { .. } | Self::Prost { .. } => {
                crate::ErrorCode::DataInvalid.as_str()
            }
        }
    }
}

impl Payload {
    /// Encodes a value as JSON.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the value has no JSON form.
    pub fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Self, PayloadError> {
        let bytes = serde_json::to_vec(value).map_err(PayloadError::Encode)?;
        Ok(Self::from_parts(PayloadKind::Json, bytes.into()))
    }

    /// Takes raw bytes as they are.
    pub fn bytes(bytes: impl Into<Bytes>) -> Self {
        Self::from_parts(PayloadKind::Bytes, bytes.into())
    }

    /// Puts a payload together from what came over the wire.
    pub const fn from_parts(kind: PayloadKind, bytes: Bytes) -> Self {
        Self { kind, bytes }
    }

    /// JSON's `null`.
    pub const fn null() -> Self {
        Self::from_parts(PayloadKind::Json, Bytes::from_static(b"null"))
    }

    /// How to read the bytes.
    pub const fn kind(&self) -> PayloadKind {
        self.kind
    }

    /// The bytes as they travel.
    pub const fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Takes the bytes out.
    pub fn into_bytes(self) -> Bytes {
        self.bytes
    }

    /// How many bytes travel.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there is not a single byte.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads it as any JSON value.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when it is no JSON.
    pub fn json(&self) -> Result<serde_json::Value, PayloadError> {
        self.to()
    }

    /// Reads it as `T`.
    ///
    /// JSON goes through serde. A [`Call`] with named arguments alone is read like a map, one
    /// with positional arguments alone like a sequence.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when the data is of another shape or another kind.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, PayloadError> {
        match self.kind {
            PayloadKind::Json => serde_json::from_slice(&self.bytes).map_err(decode_error::<T>),
            PayloadKind::Call => {
                Call::read(&self.bytes).and_then(Call::into_typed).map_err(decode_error::<T>)
            }
            kind @ (PayloadKind::Bytes | PayloadKind::Prost) => {
                Err(PayloadError::Kind { wanted: std::any::type_name::<T>(), kind })
            }
        }
    }
}

fn decode_error<T>(source: serde_json::Error) -> PayloadError {
    let wanted = std::any::type_name::<T>();
    PayloadError::Decode { wanted, source }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, std::str::from_utf8(&self.bytes)) {
            (PayloadKind::Json | PayloadKind::Call, Ok(text)) => f.write_str(text),
            _ => write!(f, "<{} bytes>", self.bytes.len()),
        }
    }
}

/// Shows kind and length, never content: data does not reach a log.
impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({:?}, {} bytes)", self.kind, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn falsy_values_arrive_as_they_left() {
        for value in [json!(0), json!(""), json!([]), json!(false), json!(null), json!({})] {
            assert_eq!(Payload::encode(&value).unwrap().json().unwrap(), value);
        }
    }

    #[test]
    fn what_has_no_json_form_is_an_error_that_says_so() {
        let error = Payload::encode(&HashMap::from([((1, 2), 3)])).unwrap_err();
        assert_eq!(error.code(), "E0115");
        assert!(error.to_string().contains("cannot be encoded as JSON"));
    }

    #[test]
    fn bytes_are_not_taken_for_json() {
        let error = Payload::bytes(&b"12"[..]).to::<u8>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the data cannot be read as u8: it is a payload of kind Bytes"
        );
    }

    #[test]
    fn debug_never_shows_content() {
        assert_eq!(format!("{:?}", Payload::encode("secret").unwrap()), "Payload(Json, 8 bytes)");
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_json_value_arrives_as_it_left(value in json_value()) {
            prop_assert_eq!(Payload::encode(&value).unwrap().json().unwrap(), value);
        }
    }
}
