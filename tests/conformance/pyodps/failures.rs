//! D-13, D-14: parts that fail, and what is said of them.

use selsyn::{ControlError, FailureText, FailureTextKind, PartStatus, TaskStatus};
use selsyn_testing::{Gate, expect};
use serde_json::json;

use super::parts::{ran, staged};

#[tokio::test]
async fn d_13_a_part_that_fails_is_a_typed_error_with_the_id_and_all_of_them_can_be_reached() {
    let (cluster, control) = staged(&Gate::closed()).await;
    let texts = json!(["ODPS-0130131:[1,16] Table not found - t", "second"]);
    let id = ran(&control, "fails", texts).await.id;
    let error = control.wait_for_success::<String>(id, Some(expect::LIMIT)).await.unwrap_err();
    assert_eq!((error.execution(), error.code()), (Some(id), "E0501"));
    let message = error.to_string();
    let ControlError::PartsFailed(failed) = error else { panic!("{message}") };
    assert_eq!(failed.execution(), id);
    assert!(message.contains(&id.to_string()) && message.contains("Table not found"), "{message}");
    // The first that failed, not the one that was stopped before it.
    assert_eq!(
        (failed.first().name.as_str(), failed.first().status),
        ("bad 0", PartStatus::Failed)
    );
    assert_eq!(failed.failure_text().unwrap().kind, FailureTextKind::NoSuchTable);
    let all: Vec<_> = failed.all().iter().map(|part| part.name.as_str()).collect();
    assert_eq!(all, ["stopped", "bad 0", "bad 1"]);
    // Its own verdict and value are there all the same.
    assert_eq!(failed.verdict(), TaskStatus::Completed);
    assert!(control.result(id).await.unwrap().is_completed());

    let id = ran(&control, "fails", json!([])).await.id;
    let error = control.wait_for_success::<String>(id, Some(expect::LIMIT)).await.unwrap_err();
    assert!(error.to_string().contains("part \"stopped\", status=CANCELLED"), "{error}");
    cluster.stop().await;
}

#[tokio::test]
async fn d_14_failure_texts_are_typed_by_their_code_and_kept_as_they_were() {
    let (cluster, control) = staged(&Gate::closed()).await;
    let structured = r#"{"Code": "ODPS-0130131", "Message": "Table not found - t"}"#;
    let script = "ODPS-0123055:Script exception - ValueError: unsupported pickle protocol: 3";
    let generic = "502 Update replicas failed";
    let id = ran(&control, "fails", json!([structured, script, generic])).await.id;
    let parts = control.parts(id).await.unwrap();
    let text = |at: usize| parts.get(&format!("bad {at}")).unwrap().failure_text().unwrap();
    let expected = [
        (FailureTextKind::NoSuchTable, Some("ODPS-0130131"), structured),
        (FailureTextKind::Script, Some("ODPS-0123055"), script),
        (FailureTextKind::Generic, None, generic),
    ];
    for (at, (kind, code, verbatim)) in expected.into_iter().enumerate() {
        let FailureText { kind: read, code: of, text, .. } = text(at);
        assert_eq!((read, of.as_deref(), text.as_str()), (kind, code, verbatim));
    }
    cluster.stop().await;
}
