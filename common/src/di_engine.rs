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

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use thiserror::Error;

/// The number of a success.
const SUCCESS: u16 = 0;

/// The number of any failure that has no other: DI-engine's `COMMON_FAILURE`.
const COMMON_FAILURE: u16 = 1;

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
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> Response {
        Response::from_json(body.to_string().as_bytes()).unwrap()
    }

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn the_master_has_eleven_codes_with_their_statuses() {
        let rows = MasterCode::ALL.map(|code| (code.number(), code.http_status()));
        let start = [(0, 200), (101, 401), (201, 400), (202, 403), (301, 400), (302, 403)];
        assert_eq!(rows[..6], start);
        assert_eq!(rows[6..], [(401, 400), (402, 403), (501, 400), (502, 403), (601, 400)]);
    }

    #[test]
    fn the_slave_has_fourteen_codes_with_their_statuses() {
        let rows = SlaveCode::ALL.map(|code| (code.number(), code.http_status()));
        let start =
            [(0, 200), (101, 401), (201, 400), (202, 403), (301, 400), (302, 403), (401, 400)];
        let end =
            [(402, 403), (501, 400), (502, 400), (503, 403), (504, 403), (601, 400), (602, 403)];
        assert_eq!((&rows[..7], &rows[7..]), (&start[..], &end[..]));
    }

    #[test]
    fn every_code_survives_the_way_to_an_error_and_back() {
        for code in MasterCode::ALL {
            assert_eq!(MasterCode::try_from(code.number()), Ok(code));
            assert_eq!(MasterErrorKind::from(code.number()).code(), code.number());
        }
        for code in SlaveCode::ALL {
            assert_eq!(SlaveCode::try_from(code.number()), Ok(code));
            assert_eq!(SlaveErrorKind::from(code.number()).code(), code.number());
        }
    }

    #[test]
    fn every_failing_code_has_a_variant_of_its_own() {
        for code in &MasterCode::ALL[1..] {
            let kind = MasterErrorKind::from(code.number());
            assert_eq!(format!("{kind:?}"), format!("{code:?}"));
        }
        for code in &SlaveCode::ALL[1..] {
            let kind = SlaveErrorKind::from(code.number());
            assert_eq!(format!("{kind:?}"), format!("{code:?}"));
        }
    }

    #[test]
    fn no_number_panics_or_is_lost() {
        for number in 0..=u16::MAX {
            assert_eq!(MasterErrorKind::from(number).code(), number);
            assert_eq!(SlaveErrorKind::from(number).code(), number);
        }
        assert_eq!(SlaveErrorKind::from(1), SlaveErrorKind::Common);
        assert_eq!(MasterErrorKind::from(777), MasterErrorKind::Unknown(777));
        assert_eq!(MasterCode::try_from(602), Err(UnknownCode(602)));
        assert_eq!(SlaveCode::try_from(1).unwrap_err().to_string(), "unknown code 1");
    }

    #[test]
    fn a_refused_task_keeps_its_words_its_data_and_the_status_received() {
        let body = json!({"success": false, "code": 602, "message": "Task refused.", "data": {"value": 233}});
        let error = read(body).slave_error(400).unwrap();
        assert_eq!(error.kind, SlaveErrorKind::TaskRefused);
        assert_eq!((error.code(), error.status, error.success()), (602, 400, false));
        assert_eq!(error.data, map(json!({"value": 233})));
        assert_eq!(error.to_string(), "the slave refused the task (602): Task refused.");
    }

    #[test]
    fn missing_or_null_data_is_an_empty_map() {
        for body in [
            json!({"success": false, "code": 101, "message": "Bye."}),
            json!({"success": false, "code": 101, "message": null, "data": null}),
        ] {
            let slave = read(body.clone()).slave_error(401).unwrap();
            assert_eq!((slave.kind, slave.data), (SlaveErrorKind::SystemShuttingDown, Map::new()));
            let master = read(body).master_error(401).unwrap();
            assert_eq!(
                (master.kind, master.data),
                (MasterErrorKind::SystemShuttingDown, Map::new())
            );
        }
    }

    #[test]
    fn the_same_number_means_different_things_at_the_two_ends() {
        let response = Response::failure(Some(502), None, Map::new());
        let slave = response.clone().slave_error(400).unwrap();
        assert_eq!(slave.to_string(), "the slave is connected to no master (502): Failed.");
        let master = response.master_error(403).unwrap();
        assert_eq!(master.to_string(), "the master does not know the slave token (502): Failed.");
    }

    #[test]
    fn answers_are_filled_with_the_standard_words_and_read_back_the_same() {
        let done = Response::success(Map::new());
        assert_eq!(
            serde_json::to_string(&done).unwrap(),
            r#"{"success":true,"code":0,"message":"Success.","data":{}}"#
        );
        let failed = Response::failure(None, None, map(json!({"a": [1]})));
        assert_eq!((failed.code, failed.message.as_str()), (1, "Failed."));
        for response in [done, failed] {
            assert_eq!(read(json!(response)), response);
        }
    }

    #[test]
    fn success_alone_decides_what_is_an_error() {
        let done = read(json!({"success": true, "code": 602, "message": ""}));
        assert_eq!(done.slave_error(403), None);
        let failed = read(json!({"success": false, "code": 0, "message": ""}));
        assert_eq!(failed.master_error(200).unwrap().kind, MasterErrorKind::Unknown(0));
    }

    #[test]
    fn a_body_that_is_no_answer_is_an_error_and_no_panic() {
        for body in [
            "",
            "<html>500</html>",
            "[]",
            "{}",
            r#"{"success": false, "message": ""}"#,
            r#"{"success": false, "code": 65536}"#,
            r#"{"success": false, "code": -1}"#,
            r#"{"success": false, "code": 1, "data": [1]}"#,
        ] {
            assert!(Response::from_json(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Response::from_json(&[0xff, 0]).is_err());
    }
}
