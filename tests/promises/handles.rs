//! A handle to an execution says what there is to say of it, and when.

use std::time::Duration;

use selsyn::{
    Control, ControlError, Execution, Failure, FunctionExecution, Happened, Phase, Picture,
    Progress, TaskStatus,
};
use selsyn_testing::{TestCluster, expect};

/// A slave with one slot: `show` shows some lines and how far it is, and then takes an input.
async fn cluster() -> (TestCluster, Control) {
    let show = |execution: FunctionExecution, lines: u32| async move {
        let mut inputs = execution.inputs();
        for line in 0..lines {
            execution.info(format_args!("line {line}"));
            execution.progress(Progress::counts(line.into(), lines.into()).key("done"))?;
        }
        let input = inputs.next().await.ok_or("no input")?;
        execution.info("over");
        Ok::<_, Failure>(input.to::<String>()?)
    };
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.slots(1).function("show", show))
        .start()
        .await
        .unwrap();
    let control = cluster.connection(0).executions();
    (cluster, control)
}

async fn show(control: &Control, lines: u32) -> Execution {
    control.start("show", lines).unwrap().await.unwrap()
}

#[tokio::test]
async fn a_handle_watches_feeds_and_waits_for_its_execution() {
    let (cluster, control) = cluster().await;
    let shown = show(&control, 3).await;
    let running = shown.wait_until_running(Some(expect::LIMIT)).await.unwrap();
    assert_eq!((running.id, running.phase), (shown.id(), Phase::Running));
    shown.send_input("go on").await.unwrap();
    let value: String = shown.success(Some(expect::LIMIT)).await.unwrap();
    assert_eq!(value, "go on");
    assert_eq!(shown.wait(None).await.unwrap().status, TaskStatus::Completed);
    assert!(shown.info().await.unwrap().is_ended());
    let same = control.execution(shown.id());
    assert_eq!(same.stop("too late").await.unwrap_err().code(), "E0303");
    let picture = same.picture().await.unwrap();
    let log: Vec<_> = picture.log().map(|line| line.content.as_str()).collect();
    assert_eq!(log, ["line 0", "line 1", "line 2", "over"]);
    cluster.stop().await;
}

#[tokio::test]
async fn a_wait_until_it_runs_ends_when_it_does_or_never_will() {
    let (cluster, control) = cluster().await;
    let first = show(&control, 0).await;
    let (second, third) = (show(&control, 0).await, show(&control, 0).await);
    let short = second.wait_until_running(Some(Duration::from_millis(20))).await.unwrap_err();
    assert!(matches!(short, ControlError::Elapsed { id, .. } if id == second.id()), "{short}");
    let (begins, never) = (second.clone(), third.clone());
    let begins = tokio::spawn(async move { begins.wait_until_running(None).await });
    let never = tokio::spawn(async move { never.wait_until_running(None).await });
    control.drop_queued(third.id()).await.unwrap();
    let ended = expect::soon("the end", never).await.unwrap().unwrap();
    assert_eq!((ended.status, ended.began), (TaskStatus::Aborted, None));
    first.send_input("make room").await.unwrap();
    let running = expect::soon("the begin", begins).await.unwrap().unwrap();
    assert_eq!(running.phase, Phase::Running);
    second.send_input("end").await.unwrap();
    second.wait(Some(expect::LIMIT)).await.unwrap();
    cluster.stop().await;
}

#[tokio::test]
async fn a_watch_says_when_it_has_told_what_had_happened_and_a_picture_is_what_it_folds_to() {
    const LINES: u32 = 500;
    let (cluster, control) = cluster().await;
    let shown = show(&control, LINES).await;
    let all_shown = async {
        let mut events = shown.watch();
        while let Some(event) = events.next().await {
            match event.unwrap().what {
                Happened::Output(output) if output.seq == u64::from(2 * LINES) => break,
                _ => {}
            }
        }
    };
    expect::soon("all lines", all_shown).await;

    let (mut watch, mut folded) = (shown.watch(), Picture::new());
    assert!(!watch.caught_up(), "it has not begun");
    while !watch.caught_up() {
        let event = expect::soon("an event", watch.next()).await.unwrap().unwrap();
        if let Happened::Output(output) = event.what {
            folded.apply(output);
        }
    }
    assert_eq!(folded.seq(), u64::from(2 * LINES), "everything, and nothing new was waited for");
    assert_eq!(expect::soon("the picture", shown.picture()).await.unwrap(), folded);
    assert_eq!(folded.log().count(), LINES as usize);
    // One that begins behind all there is has nothing to catch up with.
    let mut late = control.watch(shown.id(), shown.info().await.unwrap().next_seq);
    let waited = tokio::time::timeout(Duration::from_millis(200), late.next()).await;
    assert!(waited.is_err() && late.caught_up());
    shown.send_input("end").await.unwrap();
    let event = expect::soon("what is new", late.next()).await.unwrap().unwrap();
    assert!(matches!(event.what, Happened::Output(_)), "{event:?}");
    while watch.next().await.is_some() {}
    assert!(watch.caught_up());
    cluster.stop().await;
}
