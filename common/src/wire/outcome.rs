//! Outcomes and failures on the wire.

use super::WireError;
use crate::proto::{self, outcome};
use crate::{Failure, FailureKind, LogLevel, Outcome, Payload, Ran, TaskStatus};

/// Two enums with the same variants, and the variant that stands for an unknown value.
macro_rules! same_words {
    ($domain:ident = $wire:ident, unknown: $unknown:ident, { $($word:ident = $on_wire:ident),+ $(,)? }) => {
        impl From<$domain> for proto::$wire {
            fn from(word: $domain) -> Self {
                match word { $($domain::$word => Self::$on_wire),+ }
            }
        }

        impl From<proto::$wire> for $domain {
            fn from(word: proto::$wire) -> Self {
                #[allow(unreachable_patterns, reason = "some enums have no unspecified value")]
                match word {
                    $(proto::$wire::$on_wire => Self::$word,)+
                    _ => Self::$unknown,
                }
            }
        }
    };
}

pub(super) use same_words;

same_words!(Ran = Ran, unknown: Unknown, { No = No, Yes = Yes, Unknown = Unknown });
same_words!(TaskStatus = Status, unknown: Lost, {
    Idle = Idle, Starting = Starting, Started = Started, StartFailed = StartFailed,
    Completed = Completed, Failed = Failed, Aborted = Aborted, TimedOut = TimedOut, Lost = Lost,
});
same_words!(LogLevel = LogLevel, unknown: Info, {
    Critical = Critical, Error = Error, Warning = Warning, Info = Info, Verbose = Verbose,
    Debug = Debug,
});
same_words!(FailureKind = FailureKind, unknown: Function, {
    Function = Function, Panicked = Panicked, Encode = Encode, TooLarge = TooLarge,
    InitFailed = InitFailed, TimedOut = TimedOut, Aborted = Aborted, Killed = Killed,
    OutOfMemory = OutOfMemory, Lost = Lost, Refused = Refused, InitTimedOut = InitTimedOut,
});

impl From<Failure> for proto::Failure {
    fn from(failure: Failure) -> Self {
        Self {
            kind: proto::FailureKind::from(failure.kind).into(),
            message: failure.message,
            data: failure.data.map(proto::Payload::from),
            trace: failure.trace,
            ran: proto::Ran::from(failure.ran).into(),
            still_running: failure.still_running,
            partial: failure.partial.map(|partial| (*partial).into()),
        }
    }
}

impl From<proto::Failure> for Failure {
    fn from(wire: proto::Failure) -> Self {
        let mut failure = Self::of(wire.kind().into(), "", wire.ran().into());
        failure.data = Payload::optional(wire.data);
        failure.message = wire.message;
        wire.trace.into_iter().for_each(|line| failure.push_trace(line));
        failure.still_running = wire.still_running;
        failure.partial = Payload::optional(wire.partial).map(Box::new);
        failure
    }
}

impl From<Outcome> for proto::Outcome {
    fn from(outcome: Outcome) -> Self {
        Self {
            status: proto::Status::from(outcome.status).into(),
            summary: Some(outcome.summary.into()),
            measured: proto::Measured::of(outcome.summary, outcome.log_tail),
            result: Some(match outcome.result {
                Ok(value) => outcome::Result::Value(value.into()),
                Err(failure) => outcome::Result::Failure(Box::new(failure.into())),
            }),
        }
    }
}

impl TryFrom<proto::Outcome> for Outcome {
    type Error = WireError;

    fn try_from(wire: proto::Outcome) -> Result<Self, WireError> {
        let status = TaskStatus::from(wire.status());
        let outcome = match wire.result {
            Some(outcome::Result::Value(value)) if status == TaskStatus::Completed => {
                Self::completed(value.try_into()?)
            }
            Some(outcome::Result::Failure(failure))
                if status.is_verdict() && status != TaskStatus::Completed =>
            {
                Self::failed(status, (*failure).into())
            }
            Some(_) => return Err(WireError::unknown("Outcome", "status")),
            None => return Err(WireError::missing("Outcome", "result")),
        };
        let mut summary = wire.summary.unwrap_or_default().into();
        let log_tail = wire.measured.and_then(|measured| measured.read_into(&mut summary));
        Ok(Self { summary, log_tail, ..outcome })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_arrives_as_it_left() {
        for status in TaskStatus::ALL {
            let wire = proto::Status::from(status);
            assert_eq!((TaskStatus::from(wire), wire as i32), (status, status.number().into()));
        }
    }

    #[test]
    fn a_failure_arrives_as_it_left() {
        let mut failure = Failure::new("ab not found").with_data(serde_json::json!({"bb": 3}));
        failure.push_trace("because");
        failure.partial = Some(Box::new(Payload::null()));
        let mut outcome = Outcome::failed(TaskStatus::Failed, failure);
        outcome.summary.cpu = Some(std::time::Duration::from_millis(7));
        outcome.log_tail = Some("a line\n".into());
        assert_eq!(Outcome::try_from(proto::Outcome::from(outcome.clone())).unwrap(), outcome);
    }

    #[test]
    fn an_outcome_whose_status_and_result_disagree_is_refused() {
        let mut wire = proto::Outcome::from(Outcome::completed(Payload::null()));
        wire.set_status(proto::Status::Failed);
        Outcome::try_from(wire.clone()).unwrap_err();
        wire.set_status(proto::Status::Started);
        Outcome::try_from(wire).unwrap_err();
    }
}
