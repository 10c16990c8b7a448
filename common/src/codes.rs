//! The one table of error codes.
//!
//! Every public error has `code()`, which is a row of this table. Numbers are never used twice:
//! E01 starts and data, E02 connections, E03 executions by their ids, E04 slaves, E05 ends, E06 calls, E07
//! outputs.

/// A status of gRPC, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of gRPC's own documentation")]
#[repr(u8)]
pub enum GrpcCode {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// Declares the table: name, code, gRPC status, DI-engine number, exit code, meaning.
macro_rules! codes {
    ($($name:ident $code:literal $grpc:ident $di_engine:literal $exit:literal $meaning:literal)+) => {
        /// Why something was not done: a row of the table of codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $(#[doc = concat!($code, ": ", $meaning)] $name,)+
        }

        impl ErrorCode {
            /// Every row of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code that people look up, as `E0101`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The status a gRPC call of another language sees.
            pub const fn grpc(self) -> GrpcCode {
                match self { $(Self::$name => GrpcCode::$grpc),+ }
            }

            /// DI-engine's number for it; 1 (COMMON_FAILURE) where it has none.
            pub const fn di_engine(self) -> u16 {
                match self { $(Self::$name => $di_engine),+ }
            }

            /// The exit code of a tool that ends because of it.
            pub const fn exit(self) -> u8 {
                match self { $(Self::$name => $exit),+ }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),+ }
            }
        }
    };
}

codes! {
    UnknownFunction      "E0101" NotFound             1  5 "the slave has no function of this name"
    NoDefaultFunction    "E0102" NotFound             1  5 "the task names no function, and the slave has no default one"
    TaskRefused          "E0103" FailedPrecondition 602  9 "the slave's before_task hook refused the task"
    SlaveBusy            "E0104" ResourceExhausted  601  9 "the exclusive slave is running another task"
    QueueFull            "E0105" ResourceExhausted    1  9 "the slave's queue is full"
    PayloadTooLarge      "E0106" InvalidArgument      1  2 "a payload is over the limit"
    DataInvalid          "E0107" InvalidArgument      1  2 "the function cannot read the data it was given"
    ExecutionConflict    "E0108" AlreadyExists        1  9 "another request was started under the same id"
    Draining             "E0109" Unavailable        101  9 "the slave takes no new tasks"
    ForegroundBusy       "E0110" ResourceExhausted    1  9 "another foreground execution is running"
    StartDeadline        "E0111" DeadlineExceeded     1  3 "the start was not answered in time"
    StartForbidden       "E0112" Aborted              1  7 "the start was not answered in time, was cancelled, and never runs"
    StartUnknown         "E0113" Unknown              1  8 "nobody can say yet whether the task started"
    StartHookFailed      "E0114" FailedPrecondition   1  1 "the before_start hook failed"
    NotEncodable         "E0115" InvalidArgument      1  2 "the data cannot be encoded"
    ConnectionGone       "E0116" Unavailable        502  3 "the connection has failed or is closed"
    TooManyInFlight      "E0117" ResourceExhausted    1  9 "the connection carries as many tasks as it may"
    StartStopped         "E0118" Aborted              1  7 "what the task belongs to was stopped before it started"
    NoSlaveTook          "E0119" ResourceExhausted    1  9 "no slave of the group took the task"
    EnvironmentNotOpen   "E0120" FailedPrecondition   1  9 "the environment of the slave is not open"
    Unreachable          "E0202" Unavailable          1  3 "no connection to the slave could be made"
    ChannelInvalid       "E0203" PermissionDenied   202  4 "master and slave are on different channels"
    TokenMissing         "E0204" Unauthenticated    301  4 "the slave wants a token and was given none"
    TokenInvalid         "E0205" Unauthenticated    302  4 "the slave does not know this token"
    VersionMismatch      "E0206" FailedPrecondition   1  3 "master and slave have no protocol version in common"
    SlaveTaken           "E0207" AlreadyExists      501  9 "the exclusive slave is held by another connection"
    ConnectionRefused    "E0208" FailedPrecondition 503  9 "the slave's before_connection hook refused the connection"
    DisconnectRefused    "E0209" FailedPrecondition 504  9 "the slave's before_disconnection hook refused to end the session"
    NameTaken            "E0210" AlreadyExists        1  2 "the master has a connection of this name"
    GreetingTimeout      "E0211" DeadlineExceeded     1  3 "the slave accepted the connection and never answered"
    AddressInvalid       "E0212" InvalidArgument      1  2 "the address cannot be read"
    ProtocolViolation    "E0213" Internal             1 70 "the other side broke a rule of the protocol"
    MasterClosed         "E0214" Unavailable        101  9 "the master is closed"
    ConnectHookFailed    "E0215" FailedPrecondition   1  1 "the before_connect hook failed"
    TooManySessions      "E0216" ResourceExhausted    1  9 "the slave has as many sessions as it may"
    UnknownConnection    "E0217" NotFound             1  5 "the master has no connection of this name"
    DisconnectHookFailed "E0218" FailedPrecondition   1  1 "the before_disconnect hook failed"
    DisconnectTimeout    "E0219" DeadlineExceeded     1  3 "the slave did not answer the goodbye in time"
    Fenced               "E0220" FailedPrecondition   1  4 "a newer life of the same master has taken its place"
    LateHello            "E0221" Aborted              1  3 "a Hello came twice, or after a later one of the same connection"
    ExecutionNotFound    "E0301" NotFound             1  5 "the slave has never had an execution of this id"
    ExecutionExpired     "E0302" NotFound             1  5 "the slave had an execution of this id, and keeps it no more"
    AlreadyTerminal      "E0303" FailedPrecondition   1  1 "the execution has ended: nothing can be asked of it any more"
    FilterInvalid        "E0304" InvalidArgument      1  2 "what was asked for cannot be read"
    ExecutionNotEnded    "E0305" FailedPrecondition   1  6 "the execution has not ended: there is no result yet"
    ControlTimeout       "E0306" DeadlineExceeded     1  3 "the slave did not answer a call in time"
    InputFull            "E0307" ResourceExhausted    1  9 "as many inputs wait for the execution as may"
    NotQueued            "E0308" FailedPrecondition   1  1 "the execution does not wait in the queue: it runs, or is about to"
    PartNotFound         "E0309" NotFound             1  5 "the execution has no such part, or no single one"
    PartResultMissing    "E0310" FailedPrecondition   1  1 "the part has no result, or only the beginning of one"
    LogviewsFull         "E0311" ResourceExhausted    1  9 "the slave keeps as many addresses of pages as it may"
    FunctionTwice        "E0401" AlreadyExists        1  2 "two functions of the same name"
    FunctionName         "E0402" InvalidArgument      1  2 "a function's name cannot be used"
    SettingInvalid       "E0403" InvalidArgument      1  2 "a setting cannot be used"
    BindWithoutToken     "E0404" FailedPrecondition   1  2 "a slave without a token refuses to listen beyond this machine"
    AddressInUse         "E0405" AlreadyExists        1  2 "another program listens on this address"
    BindFailed           "E0406" Unavailable          1  2 "the slave cannot listen on this address"
    RuntimeFailed        "E0407" ResourceExhausted    1 70 "the function runtime could not be started"
    ServeFailed          "E0408" Internal             1 70 "the slave had to stop serving"
    FunctionFailed       "E0501" Unknown              1  1 "the function failed"
    ExecutionAborted     "E0502" Aborted              1  7 "the execution was stopped"
    ExecutionTimedOut    "E0503" DeadlineExceeded     1  7 "the execution's deadline fired"
    ExecutionLost        "E0504" DataLoss             1  8 "nobody can say any more how the execution ended"
    ResultUnreadable     "E0505" InvalidArgument      1  1 "the result is not of the type that was asked for"
    JoinElapsed          "E0506" DeadlineExceeded     1  6 "the wait ended before the task; the task goes on"
    GroupFailed          "E0507" Unknown              1  1 "fewer members of the group completed than had to"
    TaskEnded            "E0508" FailedPrecondition   1  1 "the task has ended, and takes nothing any more"
    InsideRuntime        "E0601" FailedPrecondition   1  2 "a blocking call inside an async runtime"
    OutputInvalid        "E0701" InvalidArgument      1  1 "what a function gave cannot be shown"
    OutputTooLarge       "E0702" InvalidArgument      1  1 "one output of a function is over the limit"
    PartInvalid          "E0703" InvalidArgument      1  1 "what a function reported of a part cannot be so"
    PartTooLarge         "E0704" ResourceExhausted    1  1 "the parts of an execution are too many or too large"
}

impl ErrorCode {
    /// Finds the row of a code that came over the wire; `None` when this side has no such row.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|row| row.as_str() == code)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_code_stands_for_two_things() {
        let codes: HashSet<_> = ErrorCode::ALL.iter().map(|row| row.as_str()).collect();
        assert_eq!(codes.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn every_row_is_complete_and_found_by_its_code() {
        for row in ErrorCode::ALL {
            assert_eq!(ErrorCode::parse(row.as_str()), Some(*row));
            assert!(row.exit() > 0 && row.di_engine() > 0 && !row.meaning().is_empty());
            assert_ne!(row.grpc(), GrpcCode::Ok);
        }
    }

    #[test]
    fn a_code_of_a_newer_peer_is_no_panic() {
        assert_eq!(ErrorCode::parse("E9999"), None);
    }
}
