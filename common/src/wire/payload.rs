//! Payloads on the wire.

use super::WireError;
use crate::proto;
use crate::{Payload, PayloadKind};

impl From<PayloadKind> for proto::PayloadKind {
    fn from(kind: PayloadKind) -> Self {
        match kind {
            PayloadKind::Json => Self::Json,
            PayloadKind::Bytes => Self::Bytes,
            PayloadKind::Prost => Self::Prost,
            PayloadKind::Call => Self::Call,
        }
    }
}

impl From<Payload> for proto::Payload {
    fn from(payload: Payload) -> Self {
        let kind = proto::PayloadKind::from(payload.kind());
        Self { kind: kind.into(), data: payload.into_bytes(), size: 0 }
    }
}

impl TryFrom<proto::Payload> for Payload {
    type Error = WireError;

    fn try_from(payload: proto::Payload) -> Result<Self, WireError> {
        let kind = match payload.kind() {
            proto::PayloadKind::Json => PayloadKind::Json,
            proto::PayloadKind::Bytes => PayloadKind::Bytes,
            proto::PayloadKind::Prost => PayloadKind::Prost,
            proto::PayloadKind::Call => PayloadKind::Call,
            proto::PayloadKind::Unspecified => {
                return Err(WireError::unknown("Payload", "kind"));
            }
        };
        Ok(Self::from_parts(kind, payload.data))
    }
}

impl Payload {
    /// Reads a payload that a frame must carry.
    ///
    /// # Errors
    ///
    /// [`WireError`] when there is none, or its kind is unknown.
    pub fn required(
        frame: &'static str,
        field: &'static str,
        payload: Option<proto::Payload>,
    ) -> Result<Self, WireError> {
        payload.ok_or(WireError::missing(frame, field))?.try_into()
    }

    /// Reads a payload that a frame may carry; one of an unknown kind reads as raw bytes, since
    /// what it comes along with must not be lost for its sake.
    pub fn optional(payload: Option<proto::Payload>) -> Option<Self> {
        payload.map(|payload| {
            let bytes = payload.data.clone();
            payload.try_into().unwrap_or_else(|_| Self::bytes(bytes))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_arrives_as_it_left() {
        for kind in [PayloadKind::Json, PayloadKind::Bytes, PayloadKind::Prost, PayloadKind::Call] {
            let payload = Payload::from_parts(kind, bytes::Bytes::from_static(b"x"));
            let wire = proto::Payload::from(payload.clone());
            assert_eq!(Payload::try_from(wire).unwrap(), payload);
        }
    }

    #[test]
    fn an_unknown_kind_is_refused_by_name() {
        let wire = proto::Payload { kind: 99, ..proto::Payload::default() };
        let error = Payload::required("Start", "data", Some(wire)).unwrap_err();
        assert_eq!(error.to_string(), "Payload.kind has an unknown value");
    }
}
