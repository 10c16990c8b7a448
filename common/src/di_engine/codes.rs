//! The two tables of codes, one for each end, and the errors made of their rows.

use serde_json::{Map, Value};
use thiserror::Error;

use super::{Response, after_colon};

/// The number of a success.
pub(super) const SUCCESS: u16 = 0;

/// The number of any failure that has no other: DI-engine's `COMMON_FAILURE`.
pub(super) const COMMON_FAILURE: u16 = 1;

/// A number that stands in no row of the table it was looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unknown code {0}")]
pub struct UnknownCode(
    /// The number.
    pub u16,
);

/// Declares one end's table (name, number, HTTP status, meaning) and the error made of it.
macro_rules! codes {
    (
        $peer:literal, $count:literal codes: $code:ident, $kind:ident, $error:ident, $method:ident;
        Success 0 200 $success:literal
        $($name:ident $number:literal $http:literal $meaning:literal)+
    ) => {
        #[doc = concat!("What a ", $peer, " answers with: a row of DI-engine's table of codes.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum $code {
            #[doc = concat!("0, HTTP 200: ", $success, ".")]
            Success = SUCCESS,
            $(#[doc = concat!($number, ", HTTP ", $http, ": ", $meaning, ".")] $name = $number,)+
        }

        impl $code {
            /// Every row of the table, by rising number.
            pub const ALL: [Self; $count] = [Self::Success, $(Self::$name),+];

            /// The number in the JSON.
            pub const fn number(self) -> u16 {
                self as u16
            }

            /// The HTTP status that an answer with this code is sent with.
            pub const fn http_status(self) -> u16 {
                match self { Self::Success => 200, $(Self::$name => $http),+ }
            }
        }

        impl TryFrom<u16> for $code {
            type Error = UnknownCode;

            fn try_from(number: u16) -> Result<Self, UnknownCode> {
                let mut rows = Self::ALL.into_iter();
                rows.find(|row| row.number() == number).ok_or(UnknownCode(number))
            }
        }

        #[doc = concat!("Which failure a ", $peer, " answered with; made from any number.")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $kind {
            $(#[doc = concat!($number, ": ", $meaning, ".")] $name,)+
            #[doc = concat!("1: the ", $peer, " failed, and says no more than its message.")]
            Common,
            /// A number without a row in the table, kept as it came.
            Unknown(u16),
        }

        impl $kind {
            /// The number this was made from.
            pub const fn code(self) -> u16 {
                match self {
                    $(Self::$name => $number,)+
                    Self::Common => COMMON_FAILURE,
                    Self::Unknown(number) => number,
                }
            }
        }

        impl From<u16> for $kind {
            fn from(number: u16) -> Self {
                match number {
                    $($number => Self::$name,)+
                    COMMON_FAILURE => Self::Common,
                    other => Self::Unknown(other),
                }
            }
        }

        impl std::fmt::Display for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $meaning,)+
                    Self::Common => concat!("the ", $peer, " failed"),
                    Self::Unknown(_) => concat!("the ", $peer, " failed with an unknown code"),
                })
            }
        }

        #[doc = concat!("The failure that a ", $peer, " answered with.")]
        #[derive(Clone, Debug, PartialEq, Eq, Error)]
        #[error("{kind} ({}){}", .kind.code(), after_colon(.message))]
        pub struct $error {
            /// Which failure.
            pub kind: $kind,
            /// The HTTP status as received, also where the table has another.
            pub status: u16,
            /// The peer's own words; may be empty.
            pub message: String,
            /// What the peer sent along; empty when nothing.
            pub data: Map<String, Value>,
        }

        impl $error {
            /// The number in the JSON.
            pub const fn code(&self) -> u16 {
                self.kind.code()
            }

            /// Always false: an error is never a success, whatever its number and status.
            pub const fn success(&self) -> bool {
                false
            }
        }

        impl Response {
            #[doc = concat!("Takes this answer of a ", $peer, " as an error; `None` when it is a success.")]
            ///
            /// `status`: the HTTP status it came with.
            pub fn $method(self, status: u16) -> Option<$error> {
                (!self.success).then(|| $error {
                    kind: self.code.into(),
                    status,
                    message: self.message,
                    data: self.data,
                })
            }
        }
    };
}

codes! {
    "master", 11 codes: MasterCode, MasterErrorKind, MasterError, master_error;
    Success               0 200 "the master did as asked"
    SystemShuttingDown  101 401 "the master is shutting down"
    ChannelNotGiven     201 400 "the master was given no channel"
    ChannelInvalid      202 403 "the master is on another channel"
    MasterTokenNotGiven 301 400 "the master was given no master token"
    MasterTokenInvalid  302 403 "the master does not know the master token"
    SelfTokenNotGiven   401 400 "the master was given no token of its own"
    SelfTokenInvalid    402 403 "the master was given a token that is not its own"
    SlaveTokenNotGiven  501 400 "the master was given no slave token"
    SlaveTokenInvalid   502 403 "the master does not know the slave token"
    TaskDataInvalid     601 400 "the master cannot read the task's data"
}

codes! {
    "slave", 14 codes: SlaveCode, SlaveErrorKind, SlaveError, slave_error;
    Success                     0 200 "the slave did as asked"
    SystemShuttingDown        101 401 "the slave is shutting down"
    ChannelNotFound           201 400 "the slave was given no channel"
    ChannelInvalid            202 403 "the slave is on another channel"
    MasterTokenNotFound       301 400 "the slave was given no master token"
    MasterTokenInvalid        302 403 "the slave does not know the master token"
    SelfTokenNotFound         401 400 "the slave was given no token of its own"
    SelfTokenInvalid          402 403 "the slave was given a token that is not its own"
    SlaveAlreadyConnected     501 400 "the slave is connected to a master already"
    SlaveNotConnected         502 400 "the slave is connected to no master"
    SlaveConnectionRefused    503 403 "the slave refused the connection"
    SlaveDisconnectionRefused 504 403 "the slave refused to end the connection"
    TaskAlreadyExist          601 400 "the slave is running another task"
    TaskRefused               602 403 "the slave refused the task"
}
