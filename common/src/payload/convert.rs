//! Turns the arguments and results of functions into payloads and back.

#[cfg(feature = "prost-payload")]
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Call, Payload, PayloadError, PayloadKind};

/// What a function may take, and what a result may be read as.
///
/// Implemented for every type that serde can deserialise, for [`Payload`] itself (raw, nothing
/// is decoded), for [`Call`], and for `Prost<M>` with the feature `prost`.
pub trait FromPayload: Sized {
    /// Reads the payload.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] when the payload is of another kind or shape.
    fn from_payload(payload: &Payload) -> Result<Self, PayloadError>;
}

/// What a function may return, and what a task may be given.
///
/// Implemented for every type that serde can serialise, for [`Payload`] itself, for [`Call`],
/// and for `Prost<M>` with the feature `prost`.
pub trait IntoPayload {
    /// Encodes the value.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Encode`] when the value has no JSON form.
    fn into_payload(self) -> Result<Payload, PayloadError>;
}

impl<T: DeserializeOwned> FromPayload for T {
    fn from_payload(payload: &Payload) -> Result<Self, PayloadError> {
        payload.to()
    }
}

impl<T: Serialize> IntoPayload for T {
    fn into_payload(self) -> Result<Payload, PayloadError> {
        Payload::encode(&self)
    }
}

impl FromPayload for Payload {
    fn from_payload(payload: &Payload) -> Result<Self, PayloadError> {
        Ok(payload.clone())
    }
}

impl IntoPayload for Payload {
    fn into_payload(self) -> Result<Payload, PayloadError> {
        Ok(self)
    }
}

impl IntoPayload for &Payload {
    fn into_payload(self) -> Result<Payload, PayloadError> {
        Ok(self.clone())
    }
}

impl FromPayload for Call {
    fn from_payload(payload: &Payload) -> Result<Self, PayloadError> {
        let wanted = std::any::type_name::<Self>();
        match payload.kind() {
            PayloadKind::Call => Self::read(payload.as_bytes())
                .map_err(|source| PayloadError::Decode { wanted, source }),
            kind => Err(PayloadError::Kind { wanted, kind }),
        }
    }
}

impl IntoPayload for Call {
    fn into_payload(self) -> Result<Payload, PayloadError> {
        Self::into_payload(self)
    }
}

/// A protobuf message as argument, data or result. Needs the feature `prost`.
#[cfg(feature = "prost-payload")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prost<M>(pub M);

#[cfg(feature = "prost-payload")]
impl<M: prost::Message + Default> FromPayload for Prost<M> {
    fn from_payload(payload: &Payload) -> Result<Self, PayloadError> {
        let wanted = std::any::type_name::<M>();
        match payload.kind() {
            PayloadKind::Prost => M::decode(payload.as_bytes().clone())
                .map(Self)
                .map_err(|source| PayloadError::Prost { wanted, source }),
            kind => Err(PayloadError::Kind { wanted, kind }),
        }
    }
}

#[cfg(feature = "prost-payload")]
impl<M: prost::Message> IntoPayload for Prost<M> {
    fn into_payload(self) -> Result<Payload, PayloadError> {
        let bytes = Bytes::from(self.0.encode_to_vec());
        Ok(Payload::from_parts(PayloadKind::Prost, bytes))
    }
}
