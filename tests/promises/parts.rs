//! Parts of an execution: what a function may report, and that every reader sees the same.

use std::sync::{Arc, Mutex};

use selsyn::{
    Control, ExecutionId, ExecutionPart, Failure, FunctionExecution, Happened, OutputContent,
    OutputError, Part, PartError, PartStatus, Parts, Payload, StageProgress, TaskEvent, TaskStatus,
};
use selsyn_testing::{Gate, TestCluster, expect};
use serde_json::{Value, json};

/// A cluster of one slave with one function.
async fn cluster_of<M>(
    function: impl selsyn::IntoFunction<M> + Clone + Send + 'static,
) -> (TestCluster, Control) {
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("run", function.clone()))
        .start()
        .await
        .unwrap();
    let control = cluster.connection(0).executions();
    (cluster, control)
}

async fn start(control: &Control, data: Value) -> ExecutionId {
    control.start("run", data).unwrap().await.unwrap().id()
}

/// Three parts: one that succeeds, one that is left running and one that waits.
async fn three(execution: FunctionExecution, verdict: String) -> Result<(), Failure> {
    let done = execution.part("done")?;
    done.progress([StageProgress::new("s").workers(0, 1, 1).percent(100)])?;
    done.succeeded(json!({"rows": 3}))?;
    execution.part("runs")?.running()?;
    execution.part("waits")?;
    match verdict.as_str() {
        "" => Ok(()),
        "abort" => {
            execution.cancelled().await;
            Err(execution.checkpoint().unwrap_err().into())
        }
        broken => Err(broken.into()),
    }
}

fn statuses(parts: &Parts) -> Vec<PartStatus> {
    parts.iter().map(|part| part.status).collect()
}

/// The parts as whoever reads the event log from its beginning sees them.
async fn watched(control: &Control, id: ExecutionId) -> Parts {
    let (mut events, mut parts) = (control.watch(id, 1), Parts::default());
    while let Some(event) = events.next().await {
        parts.follow(&event.unwrap());
    }
    parts
}

#[tokio::test]
async fn parts_left_open_end_with_their_execution_and_every_reader_sees_the_same() {
    use PartStatus::{Cancelled, Failed, Success};
    let (cluster, control) = cluster_of(three).await;
    for (how, verdict, expected) in [
        ("", TaskStatus::Completed, [Success, Cancelled, Cancelled]),
        ("broken", TaskStatus::Failed, [Success, Failed, Cancelled]),
        ("abort", TaskStatus::Aborted, [Success, Cancelled, Cancelled]),
    ] {
        let id = start(&control, json!(how)).await;
        let live = tokio::spawn({
            let control = control.clone();
            async move { watched(&control, id).await }
        });
        if how == "abort" {
            let reported = async { while control.get(id).await.unwrap().parts < 3 {} };
            expect::soon("three parts", reported).await;
            control.stop(id, "enough").await.unwrap();
        }
        let outcome = control.wait_for_completion(id, Some(expect::LIMIT)).await.unwrap();
        assert_eq!(outcome.status, verdict);
        let kept = control.parts(id).await.unwrap();
        assert_eq!(statuses(&kept), expected);
        assert_eq!(live.await.unwrap(), kept, "who was there from the beginning");
        assert_eq!(watched(&control, id).await, kept, "who came after the end");
        let info = control.get(id).await.unwrap();
        assert!(kept.iter().all(|part| part.ended <= info.ended && part.ended.is_some()));
    }
    cluster.stop().await;
}

#[tokio::test]
async fn the_master_of_a_task_sees_its_parts_as_it_sees_its_outputs() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let (cluster, _) = cluster_of(move |execution: FunctionExecution, _: Value| {
        let opened = opened.clone();
        async move {
            opened.opened().await;
            three(execution, "broken".to_owned()).await
        }
    })
    .await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let names = Arc::clone(&heard);
    let task = cluster.connection(0).new_task(()).unwrap().function("run").keep_picture();
    let task = task.on_output(move |shown| {
        if let OutputContent::Part(part) = shown {
            names.lock().unwrap().push((part.name.clone(), part.status));
        }
    });
    let running = task.start().await.unwrap();
    let (mut events, mut seen) = (running.events(), Parts::default());
    gate.open();
    while let Some(event) = events.next().await {
        match event {
            TaskEvent::Output(output) => seen.fold(&output.content),
            TaskEvent::Ended(outcome) => seen.end(&outcome, None),
            _ => {}
        }
    }
    expect::ended_as(&running, TaskStatus::Failed).await;
    let parts = running.parts().unwrap();
    assert_eq!(parts, seen);
    let expected = [PartStatus::Success, PartStatus::Failed, PartStatus::Cancelled];
    assert_eq!(statuses(&parts), expected);
    let rows: Value = parts.result(Some("done")).unwrap().read().unwrap();
    assert_eq!(rows, json!({"rows": 3}));
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard.len(), 6, "{heard:?}");
    assert_eq!(heard[2], ("done".to_owned(), PartStatus::Success));
    cluster.stop().await;
}

/// Everything that a function must not report.
async fn misreports(execution: FunctionExecution, _: Value) -> Result<Vec<String>, Failure> {
    let mut codes = Vec::new();
    let mut refused = |error: PartError| codes.push(error.code().to_owned());
    let huge = "x".repeat(1_000_000);
    for name in ["", "a\nb", huge.as_str()] {
        refused(execution.part(name).unwrap_err());
    }
    let part = execution.part("a")?;
    refused(execution.part("a").unwrap_err());
    refused(part.progress([StageProgress::new("s").percent(101)]).unwrap_err());
    // As many as there may be, of more than anybody could count.
    refused(part.progress(std::iter::repeat_with(|| StageProgress::new("s"))).unwrap_err());
    refused(part.succeeded(Payload::bytes(vec![0; Part::MAX_BYTES])).unwrap_err());
    refused(part.failed(Failure::new(huge.clone())).unwrap_err());
    part.succeeded(1)?;
    refused(part.failed("too late").unwrap_err());
    let shown = execution.show(OutputContent::Part(Box::new(forged()))).unwrap_err();
    codes.push(shown.code().to_owned());
    assert_eq!(shown, OutputError::Part);
    // A million of them, each refused once there are ten thousand.
    let more = (0..1_000_000).map(|n| execution.part(n.to_string()));
    let full = more.filter_map(Result::err).fold(None, |_, error| Some(error));
    codes.extend(full.map(|error| error.code().to_owned()));
    Ok(codes)
}

fn forged() -> Part {
    let mut parts = Parts::default();
    parts.add("b".into(), std::time::SystemTime::UNIX_EPOCH).unwrap()
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_code_and_changes_nothing() {
    let (cluster, control) = cluster_of(misreports).await;
    let id = start(&control, json!(null)).await;
    let outcome = control.wait_for_completion(id, Some(expect::LIMIT)).await.unwrap();
    let codes: Vec<String> = outcome.value().unwrap().to().unwrap();
    let expected = [
        "E0703", "E0703", "E0703", "E0703", "E0703", "E0704", "E0704", "E0704", "E0703", "E0701",
        "E0704",
    ];
    assert_eq!(codes, expected);
    let parts = control.parts(id).await.unwrap();
    assert_eq!(parts.len(), 10_000);
    assert_eq!(parts.get("a").unwrap().status, PartStatus::Success);
    assert_eq!(control.get(id).await.unwrap().parts, 10_000);
    cluster.stop().await;
}

#[tokio::test]
async fn nothing_is_reported_of_an_execution_that_has_ended() {
    let stray: Arc<Mutex<Option<(ExecutionPart, FunctionExecution)>>> = Arc::default();
    let keep = Arc::clone(&stray);
    let (cluster, control) = cluster_of(move |execution: FunctionExecution, _: Value| {
        let keep = Arc::clone(&keep);
        async move {
            let part = execution.part("a")?;
            *keep.lock().unwrap() = Some((part, execution));
            Ok::<_, Failure>(())
        }
    })
    .await;
    let id = start(&control, json!(null)).await;
    control.wait_for_completion(id, Some(expect::LIMIT)).await.unwrap();
    let (part, execution) = stray.lock().unwrap().take().unwrap();
    assert!(matches!(part.succeeded(1), Err(PartError::ExecutionEnded)));
    let error = execution.part("b").unwrap_err();
    assert!(matches!(error, PartError::ExecutionEnded) && error.code() == "E0508");
    assert_eq!(control.part_names(id).await.unwrap(), ["a"]);
    let mut events = control.watch(id, 1);
    let mut last = None;
    while let Some(event) = events.next().await {
        last = Some(event.unwrap().what);
    }
    assert!(matches!(last, Some(Happened::Ended(_))), "nothing follows the verdict");
    cluster.stop().await;
}

#[tokio::test]
async fn large_results_come_page_by_page_and_whole() {
    let (cluster, control) = cluster_of(|execution: FunctionExecution, count: u32| async move {
        for n in 0..count {
            let result = Payload::bytes(vec![n as u8; 900_000]);
            execution.part(n.to_string())?.succeeded(result)?;
        }
        Ok::<_, Failure>(())
    })
    .await;
    let id = start(&control, json!(20)).await;
    control.wait_for_success::<()>(id, Some(expect::LIMIT)).await.unwrap();
    let results = control.part_results(id).await.unwrap();
    assert_eq!(results.len(), 20);
    for (n, (name, result)) in results.iter().enumerate() {
        let bytes = result.read::<Payload>().unwrap();
        assert_eq!((name, bytes.as_bytes()[899_999]), (&n.to_string(), n as u8));
    }
    let one = control.part_result(id, Some("7")).await.unwrap();
    assert_eq!(one.read::<Payload>().unwrap().len(), 900_000);
    cluster.stop().await;
}
