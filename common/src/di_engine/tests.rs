//! The tables are DI-engine's, and no answer is a panic.

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
    let start = [(0, 200), (101, 401), (201, 400), (202, 403), (301, 400), (302, 403), (401, 400)];
    let end = [(402, 403), (501, 400), (502, 400), (503, 403), (504, 403), (601, 400), (602, 403)];
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
    let body =
        json!({"success": false, "code": 602, "message": "Task refused.", "data": {"value": 233}});
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
        assert_eq!((master.kind, master.data), (MasterErrorKind::SystemShuttingDown, Map::new()));
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
