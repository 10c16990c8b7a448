//! Refusals on the wire.

use std::time::Duration;

use crate::proto;
use crate::{ErrorCode, Payload, Ran, Refusal};

impl From<Refusal> for proto::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self {
            retry_after_millis: pause_millis(&refusal),
            code: refusal.reason.as_str().to_owned(),
            number: refusal.code.into(),
            message: refusal.message,
            data: refusal.data.map(proto::Payload::from),
            ran: proto::Ran::from(Ran::No).into(),
        }
    }
}

/// The pause of a refusal in milliseconds, rounded up: a part of one is a pause, and 0 is none.
pub fn pause_millis(refusal: &Refusal) -> u64 {
    let nanos = refusal.retry_after.unwrap_or_default().as_nanos();
    u64::try_from(nanos.div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// A code of a newer peer reads as `TaskRefused`: the message still says why.
impl From<proto::Refusal> for Refusal {
    fn from(refusal: proto::Refusal) -> Self {
        let retry_after = Duration::from_millis(refusal.retry_after_millis);
        Self {
            reason: ErrorCode::parse(&refusal.code).unwrap_or(ErrorCode::TaskRefused),
            code: u16::try_from(refusal.number).unwrap_or(u16::MAX),
            message: refusal.message,
            data: Payload::optional(refusal.data),
            retry_after: (!retry_after.is_zero()).then_some(retry_after),
        }
    }
}

impl From<Refusal> for Box<proto::Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.into())
    }
}

impl From<Box<proto::Refusal>> for Refusal {
    fn from(wire: Box<proto::Refusal>) -> Self {
        (*wire).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_arrives_as_it_left() {
        let refusal = Refusal::because(ErrorCode::QueueFull, "queue is full (64 tasks)")
            .with_data(serde_json::json!({"limit": 64}))
            .with_retry_after(Duration::from_millis(250));
        assert_eq!(Refusal::from(proto::Refusal::from(refusal.clone())), refusal);
    }

    #[test]
    fn a_pause_is_told_in_whole_milliseconds_and_one_below_that_is_a_pause_still() {
        let told = |pause| pause_millis(&Refusal::new("full").with_retry_after(pause));
        let [none, some] = [0, 1].map(Duration::from_nanos).map(told);
        assert_eq!((none, some, told(Duration::from_micros(250_001))), (0, 1, 251));
    }

    #[test]
    fn a_code_of_a_newer_peer_keeps_its_message() {
        let wire =
            proto::Refusal { code: "E9999".into(), message: "new".into(), ..Default::default() };
        assert_eq!(Refusal::from(wire).message, "new");
    }
}
