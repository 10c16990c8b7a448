//! D-07, D-08, D-15: the parts of an instance, which PyODPS calls its tasks.

use std::time::SystemTime;

use selsyn::{
    Control, ExecutionInfo, Failure, FunctionExecution, Part, PartProgress, PartResult, PartStatus,
    StageProgress, TaskStatus,
};
use selsyn_testing::{Gate, TestCluster, expect};
use serde_json::{Value, json};

/// A cluster of one slave with the functions of these tests.
pub(super) async fn staged(gate: &Gate) -> (TestCluster, Control) {
    let gate = gate.clone();
    let staged = move |execution: FunctionExecution, (): ()| {
        let gate = gate.clone();
        async move { run_stages(&execution, &gate).await }
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let slave = slave.function("staged", staged.clone()).function("parts", parts);
            slave.function("results", results).function("fails", fails)
        })
        .start()
        .await
        .unwrap();
    let control = cluster.connection(0).executions();
    (cluster, control)
}

/// One part with two stages, half done until the gate is open.
async fn run_stages(execution: &FunctionExecution, gate: &Gate) -> Result<(), Failure> {
    let sql = execution.part("sql")?;
    let stage = |id, percent| StageProgress::new(id).workers(1, 0, 1).percent(percent);
    sql.progress([stage("M1_Stg1_job0", 50), stage("R2_1_Stg1_job0", 0)])?;
    gate.opened().await;
    let done = |id| StageProgress::new(id).workers(0, 1, 1).percent(100);
    sql.progress([done("M1_Stg1_job0"), done("R2_1_Stg1_job0")])?;
    Ok(sql.succeeded("a,b\n1,2\n")?)
}

/// Parts that succeed with their place, so many.
async fn parts(execution: FunctionExecution, count: u32) -> Result<(), Failure> {
    for place in (1..=count).rev() {
        execution.part(format!("part {place}"))?.succeeded(place)?;
    }
    Ok(())
}

/// A part for each mark of a result.
async fn results(execution: FunctionExecution, _: Value) -> Result<(), Failure> {
    execution.part("FULL")?.succeeded("rows")?;
    execution.part("NO")?.succeeded_with(PartResult::none())?;
    Ok(execution.part("TRUNCATED")?.succeeded_with(PartResult::truncated("ro")?)?)
}

/// Parts that end in each way; the run itself completes.
async fn fails(execution: FunctionExecution, texts: Vec<String>) -> Result<&'static str, Failure> {
    execution.part("good")?.succeeded(1)?;
    execution.part("stopped")?.cancelled("no longer wanted")?;
    for (at, text) in texts.into_iter().enumerate() {
        execution.part(format!("bad {at}"))?.failed(Failure::new(text))?;
    }
    Ok("done all the same")
}

pub(super) async fn ran(control: &Control, function: &str, data: Value) -> ExecutionInfo {
    let started = control.start(function, data).unwrap().await.unwrap();
    control.wait_for_completion(started.id(), Some(expect::LIMIT)).await.unwrap();
    control.get(started.id()).await.unwrap()
}

#[tokio::test]
async fn d_07_parts_have_a_status_and_begin_no_sooner_than_their_execution() {
    let (cluster, control) = staged(&Gate::closed()).await;
    let info = ran(&control, "fails", json!(["broken"])).await;
    let statuses = control.part_statuses(info.id).await.unwrap();
    let statuses: Vec<_> = statuses.iter().map(|(name, status)| (name.as_str(), *status)).collect();
    let expected = [
        ("good", PartStatus::Success),
        ("stopped", PartStatus::Cancelled),
        ("bad 0", PartStatus::Failed),
    ];
    assert_eq!(statuses, expected);
    let parts = control.parts(info.id).await.unwrap();
    let (good, bad) = (parts.get("good").unwrap(), parts.get("bad 0").unwrap());
    for Part { began, ended, .. } in [good, bad] {
        assert!(*began >= info.began && ended >= began && *ended <= info.ended);
    }
    // PyODPS: successful is what all tasks of which are.
    assert_eq!((info.status, info.is_successful()), (TaskStatus::Completed, Some(false)));
    assert_eq!((info.parts, info.parts_succeeded), (3, 1));
    cluster.stop().await;
}

#[tokio::test]
async fn d_08_results_come_under_the_names_of_the_parts_and_in_their_order() {
    let (cluster, control) = staged(&Gate::closed()).await;
    let info = ran(&control, "parts", json!(12)).await;
    let names = control.part_names(info.id).await.unwrap();
    let expected: Vec<_> = (1..=12).rev().map(|place| format!("part {place}")).collect();
    assert_eq!(names, expected);
    let results = control.part_results(info.id).await.unwrap();
    let read =
        |(name, result): &(String, PartResult)| (name.clone(), result.read::<u32>().unwrap());
    let results: Vec<_> = results.iter().map(read).collect();
    assert_eq!(results, expected.into_iter().zip((1..=12).rev()).collect::<Vec<_>>());
    assert_eq!(info.is_successful(), Some(true));
    cluster.stop().await;
}

#[tokio::test]
async fn d_15_the_text_of_the_progress_has_the_time_and_each_stage() {
    let gate = Gate::closed();
    let (cluster, control) = staged(&gate).await;
    let before = SystemTime::now();
    let id = control.start("staged", ()).unwrap().await.unwrap().id();
    let half = "M1_Stg1_job0:1/0/1[50%]\tR2_1_Stg1_job0:1/0/1[0%]\t";
    let reported = async {
        loop {
            let text = control.part_progress(id, Some("sql")).await.map(|text| text.to_string());
            match text {
                Ok(text) if text.ends_with(half) => break text,
                _ => {}
            }
        }
    };
    let text = expect::soon("the stages", reported).await;
    let read: PartProgress = text.parse().unwrap();
    assert_eq!((read.to_string(), read.stages.len()), (text, 2));
    let late = read.at.duration_since(before).unwrap_or_default();
    assert!(late < expect::LIMIT, "{late:?}");
    gate.open();
    control.wait_for_success::<()>(id, Some(expect::LIMIT)).await.unwrap();
    let text = control.part_progress(id, None).await.unwrap().to_string();
    assert!(text.ends_with(" M1_Stg1_job0:0/1/1[100%]\tR2_1_Stg1_job0:0/1/1[100%]\t"), "{text}");
    cluster.stop().await;
}
