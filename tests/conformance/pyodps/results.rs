//! D-21, D-23: the results of parts, whole or not, named or not.

use selsyn::{ControlError, PartReadError};
use selsyn_testing::Gate;
use serde_json::json;

use super::parts::{ran, staged};

#[tokio::test]
async fn d_21_a_result_that_is_not_whole_is_only_read_by_who_says_that_it_will_do() {
    let (cluster, control) = staged(&Gate::closed()).await;
    let id = ran(&control, "results", json!(null)).await.id;
    let result = async |name| control.part_result(id, Some(name)).await.unwrap();
    assert_eq!(result("FULL").await.read::<String>().unwrap(), "rows");
    let no = result("NO").await;
    let read = [no.read::<String>(), no.read_truncated()];
    assert!(read.iter().all(|read| matches!(read, Err(PartReadError::NoResult))));
    let truncated = result("TRUNCATED").await;
    let error = truncated.read::<String>().unwrap_err();
    assert!(matches!(error, PartReadError::Truncated { bytes: 4 }) && error.code() == "E0310");
    assert_eq!(truncated.read_truncated::<String>().unwrap(), "ro");
    let results = control.part_results(id).await.unwrap();
    assert!(results.iter().all(|(name, result)| result.extent().name() == name));
    cluster.stop().await;
}

#[tokio::test]
async fn d_23_without_a_name_there_must_be_one_part() {
    let (cluster, control) = staged(&Gate::closed()).await;
    let result = async |count| {
        let id = ran(&control, "parts", json!(count)).await.id;
        control.part_result(id, None).await
    };
    let no_parts = result(0).await.unwrap_err();
    let is_none = matches!(&no_parts, ControlError::Part { source: PartReadError::NoParts, .. });
    assert!(is_none && no_parts.code() == "E0309", "{no_parts}");
    assert_eq!(result(1).await.unwrap().read::<u32>().unwrap(), 1);
    let several = result(2).await.unwrap_err();
    assert!(
        several.to_string().ends_with("multiple parts: name one of part 2, part 1"),
        "{several}"
    );
    cluster.stop().await;
}
