//! E-60 to E-66: DI-engine's numbers and its envelope.

use std::collections::HashSet;

use selsyn::di_engine::{MasterCode, MasterErrorKind, Response, SlaveCode, SlaveErrorKind};
use serde_json::{Map, Value, json};

fn response(body: &Value) -> Response {
    Response::from_json(body.to_string().as_bytes()).expect("it is an answer")
}

#[test]
fn e_60_a_master_has_eleven_codes() {
    let rows = MasterCode::ALL.map(|code| (code.number(), format!("{code:?}")));
    let expected = [
        (0, "Success"),
        (101, "SystemShuttingDown"),
        (201, "ChannelNotGiven"),
        (202, "ChannelInvalid"),
        (301, "MasterTokenNotGiven"),
        (302, "MasterTokenInvalid"),
        (401, "SelfTokenNotGiven"),
        (402, "SelfTokenInvalid"),
        (501, "SlaveTokenNotGiven"),
        (502, "SlaveTokenInvalid"),
        (601, "TaskDataInvalid"),
    ];
    assert_eq!(rows, expected.map(|(number, name)| (number, name.to_owned())));
}

#[test]
fn e_61_a_slave_has_fourteen_codes() {
    let rows = SlaveCode::ALL.map(|code| (code.number(), format!("{code:?}"), code.http_status()));
    let expected = [
        (0, "Success", 200),
        (101, "SystemShuttingDown", 401),
        (201, "ChannelNotFound", 400),
        (202, "ChannelInvalid", 403),
        (301, "MasterTokenNotFound", 400),
        (302, "MasterTokenInvalid", 403),
        (401, "SelfTokenNotFound", 400),
        (402, "SelfTokenInvalid", 403),
        (501, "SlaveAlreadyConnected", 400),
        (502, "SlaveNotConnected", 400),
        (503, "SlaveConnectionRefused", 403),
        (504, "SlaveDisconnectionRefused", 403),
        (601, "TaskAlreadyExist", 400),
        (602, "TaskRefused", 403),
    ];
    assert_eq!(rows, expected.map(|(number, name, http)| (number, name.to_owned(), http)));
}

#[test]
fn e_62_every_code_survives_the_way_through_its_own_error() {
    let mut kinds = HashSet::new();
    for code in MasterCode::ALL.into_iter().skip(1) {
        let answer = Response::failure(Some(code.number()), None, Map::new());
        let error = answer.master_error(code.http_status()).unwrap();
        assert_eq!(MasterCode::try_from(error.code()), Ok(code));
        assert_eq!(error.status, code.http_status());
        assert!(!matches!(error.kind, MasterErrorKind::Common | MasterErrorKind::Unknown(_)));
        kinds.insert(format!("master {:?}", error.kind));
    }
    for code in SlaveCode::ALL.into_iter().skip(1) {
        let answer = Response::failure(Some(code.number()), None, Map::new());
        let error = answer.slave_error(code.http_status()).unwrap();
        assert_eq!(SlaveCode::try_from(error.code()), Ok(code));
        assert_eq!(error.status, code.http_status());
        assert!(!matches!(error.kind, SlaveErrorKind::Common | SlaveErrorKind::Unknown(_)));
        kinds.insert(format!("slave {:?}", error.kind));
    }
    assert_eq!(kinds.len(), 10 + 13);

    // A success is no error, at either end.
    let success = Response::success(Map::new());
    assert_eq!(MasterCode::try_from(success.code), Ok(MasterCode::Success));
    assert_eq!(SlaveCode::try_from(success.code), Ok(SlaveCode::Success));
    assert_eq!(success.clone().master_error(200), None);
    assert_eq!(success.slave_error(200), None);
}

#[test]
fn e_63_a_refusal_keeps_code_message_data_and_the_status_received() {
    let body = json!({
        "success": false, "code": 602, "message": "Task refused.", "data": {"value": 233},
    });
    let error = response(&body).slave_error(400).unwrap();
    assert_eq!(error.kind, SlaveErrorKind::TaskRefused);
    assert_eq!((error.code(), error.success()), (602, false));
    assert_eq!(error.message, "Task refused.");
    assert_eq!(Value::Object(error.data), json!({"value": 233}));
    // The table has 403 for it; what came is what counts.
    assert_eq!(error.status, 400);
}

#[test]
fn e_64_no_data_is_an_empty_map() {
    for body in [
        json!({"success": false, "code": 101, "message": "Bye."}),
        json!({"success": false, "code": 101, "message": "Bye.", "data": null}),
    ] {
        let master = response(&body).master_error(401).unwrap();
        assert_eq!(master.kind, MasterErrorKind::SystemShuttingDown);
        assert_eq!((master.code(), &master.data), (101, &Map::new()));
        let slave = response(&body).slave_error(401).unwrap();
        assert_eq!(slave.kind, SlaveErrorKind::SystemShuttingDown);
        assert_eq!((slave.code(), &slave.data), (101, &Map::new()));
    }
}

#[test]
fn e_66_an_answer_without_words_gets_the_usual_ones() {
    let success = serde_json::to_value(Response::success(Map::new())).unwrap();
    let expected = json!({"success": true, "code": 0, "message": "Success.", "data": {}});
    assert_eq!(success, expected);
    let failure = serde_json::to_value(Response::failure(None, None, Map::new())).unwrap();
    let expected = json!({"success": false, "code": 1, "message": "Failed.", "data": {}});
    assert_eq!(failure, expected);
}
