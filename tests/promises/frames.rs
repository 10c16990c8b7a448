//! A frame that makes no sense is answered by name, and everybody else's work goes on.

use selsyn::{Failure, FunctionExecution, Master, TaskEvent, TaskStatus, function};
use selsyn_common::link::batch::Batch;
use selsyn_common::proto::output::Content;
use selsyn_common::proto::{self, FromMaster, from_master, from_slave};
use selsyn_testing::{TestCluster, expect};
use selsyn_tests::FakeSlave;
use selsyn_tests::raw_master::{RawMaster, execution, hello, start};
use serde_json::json;

async fn violation(master: &mut RawMaster) -> proto::Violation {
    match master.hears().await {
        Some(from_slave::Frame::Violation(violation)) => violation,
        other => panic!("expected a violation, and got {other:?}"),
    }
}

/// The session is as good as before: a start is accepted and completes.
async fn goes_on(master: &mut RawMaster, number: u64, task: u64) {
    master.say(number, from_master::Frame::Start(start(task)));
    let accepted = master.hears().await;
    assert!(matches!(accepted, Some(from_slave::Frame::Accepted(_))), "{accepted:?}");
    while !matches!(
        master.hears().await.expect("the session lives"),
        from_slave::Frame::Finished(_)
    ) {}
}

#[tokio::test]
async fn frames_that_make_no_sense_are_answered_and_the_session_goes_on() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    let nonsense = [
        (None, "FromMaster.frame has an unknown value"),
        (Some(from_master::Frame::Start(proto::Start::default())), "Start.execution is missing"),
        (Some(from_master::Frame::Cancel(proto::Cancel::default())), "Cancel.execution is missing"),
    ];
    for (seq, (frame, problem)) in (1..).zip(nonsense) {
        master.send(Batch::numbered(seq, vec![FromMaster { frame }]));
        let violation = violation(&mut master).await;
        assert_eq!((violation.message.as_str(), violation.ends_stream), (problem, false));
    }
    master.say(0, from_master::Frame::Hello(hello().into()));
    assert_eq!(violation(&mut master).await.message, "Hello.frame came a second time");
    goes_on(&mut master, 4, 1).await;
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn a_batch_that_is_too_long_ends_the_stream_and_says_why() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    let beat = from_master::Frame::Heartbeat(proto::Heartbeat {});
    let beats = vec![FromMaster { frame: Some(beat) }; 513];
    master.send(Batch::numbered(0, beats));
    let violation = violation(&mut master).await;
    assert_eq!(violation.message, "a batch holds more than 512 frames");
    assert!(violation.ends_stream);
    cluster.stop().await;
}

#[tokio::test]
async fn a_malformed_start_is_refused_by_its_field_and_did_not_run() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    let payload = |kind| Some(proto::Payload { kind, data: "1".into(), size: 0 });
    let cases = [
        (proto::Start { data: None, ..start(1) }, "Start.data is missing"),
        (proto::Start { data: payload(99), ..start(2) }, "Payload.kind has an unknown value"),
        (proto::Start { placement: 99, ..start(3) }, "Start.placement has an unknown value"),
    ];
    for (seq, (start, problem)) in (1..).zip(cases) {
        master.say(seq, from_master::Frame::Start(start));
        let Some(from_slave::Frame::Refused(refused)) = master.hears().await else {
            panic!("{problem}")
        };
        let refusal = refused.refusal.unwrap();
        assert_eq!((refusal.message.as_str(), refusal.ran()), (problem, proto::Ran::No));
    }
    goes_on(&mut master, 4, 4).await;
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn a_start_may_name_its_function_by_the_number_that_the_catalogue_gives_it() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::connect(cluster.dialer(0)).await;
    master.say(0, from_master::Frame::Hello(hello().into()));
    let Some(from_slave::Frame::Welcome(welcome)) = master.hears().await else {
        panic!("a welcome")
    };
    let echo = welcome.functions.iter().find(|function| function.name == "echo").unwrap();
    let numbered = |task, function_number| {
        let start = proto::Start { function: String::new(), function_number, ..start(task) };
        from_master::Frame::Start(start)
    };
    master.say(1, numbered(1, echo.number));
    while !matches!(master.hears().await.unwrap(), from_slave::Frame::Finished(_)) {}
    // The same request in other words: it attaches, and is no conflict.
    master.say(2, from_master::Frame::Start(start(1)));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Finished(_))));
    master.say(3, numbered(2, u32::MAX));
    let Some(from_slave::Frame::Refused(refused)) = master.hears().await else {
        panic!("a refusal")
    };
    assert_eq!(refused.refusal.unwrap().code, "E0101");
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn a_missing_frame_ends_that_stream_and_no_other() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    master.say(2, from_master::Frame::Start(start(1)));
    let violation = violation(&mut master).await;
    assert_eq!(
        (violation.message.as_str(), violation.ends_stream),
        ("frame 1 is missing before frame 2", true)
    );
    assert_eq!(master.hears().await, None);
    let other =
        cluster.connection(0).new_task(json!({"a": 1, "b": 1})).unwrap().start().await.unwrap();
    expect::completed(&other).await;
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn a_frame_that_comes_again_is_dealt_with_once() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    goes_on(&mut master, 1, 1).await;
    master.say(1, from_master::Frame::Start(start(1)));
    goes_on(&mut master, 2, 2).await;
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn the_same_start_again_attaches_and_another_under_its_id_is_a_conflict() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    let waiting = proto::Start { function: "wait_for_abort".to_owned(), ..start(1) };
    master.say(1, from_master::Frame::Start(waiting.clone()));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Running(_))));
    master.say(2, from_master::Frame::Start(waiting));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Accepted(_))));
    master.say(3, from_master::Frame::Start(start(1)));
    let Some(from_slave::Frame::Refused(refused)) = master.hears().await else {
        panic!("a conflict")
    };
    assert_eq!(refused.refusal.unwrap().code, "E0108");
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn an_id_that_was_cancelled_before_it_came_never_runs() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::welcomed(cluster.dialer(0)).await;
    let cancel = proto::Cancel { execution: Some(execution(1)), reason: String::new() };
    master.say(1, from_master::Frame::Cancel(cancel));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Forbidden(_))));
    master.say(2, from_master::Frame::Start(start(1)));
    assert!(matches!(master.hears().await, Some(from_slave::Frame::Forbidden(_))));
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn nobody_stops_or_forgets_the_work_of_another_master() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mine = cluster
        .connection(0)
        .new_task(json!(1))
        .unwrap()
        .function("wait_for_abort")
        .start()
        .await
        .unwrap();
    expect::running(&mine).await;
    let mut stranger = RawMaster::welcomed(cluster.dialer(0)).await;
    let execution = Some(selsyn_common::proto::ExecutionId::from(mine.execution_id()));
    let cancel = proto::Cancel { execution, reason: "not yours".to_owned() };
    stranger.say(1, from_master::Frame::Cancel(cancel));
    assert_eq!(
        violation(&mut stranger).await.message,
        "Cancel.execution belongs to another master"
    );
    assert_eq!(mine.status(), TaskStatus::Started);
    mine.cancel("mine");
    expect::ended_as(&mine, TaskStatus::Aborted).await;
    drop(stranger);
    cluster.stop().await;
}

#[tokio::test]
async fn nobody_hands_input_to_the_work_of_another_master_and_input_for_nobody_is_dropped() {
    let taken = function(|execution: FunctionExecution, (): ()| async move {
        let mut inputs = execution.inputs();
        inputs.next().await.map(|input| input.to::<String>()).transpose().map_err(Failure::from)
    });
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| slave.function("take", taken.clone()))
        .start()
        .await
        .unwrap();
    let task = cluster.connection(0).new_task(json!(null)).unwrap().function("take");
    let mine = task.start().await.unwrap();
    let mut stranger = RawMaster::welcomed(cluster.dialer(0)).await;
    let input = |execution| {
        let data = Some(selsyn::Payload::encode("not yours").unwrap().into());
        from_master::Frame::Input(proto::Input { execution: Some(execution), data })
    };
    // Nobody is told of the first: the next thing that is heard answers the second.
    stranger.say(1, input(execution(9)));
    stranger.say(2, input(mine.execution_id().into()));
    let violation = violation(&mut stranger).await;
    assert_eq!(violation.message, "Input.execution belongs to another master");
    mine.send_input("mine").unwrap();
    let got = expect::soon("the input", mine.success::<String>()).await.unwrap();
    assert_eq!(got, "mine");
    drop(stranger);
    cluster.stop().await;
}

#[tokio::test]
async fn a_stream_that_does_not_begin_with_hello_is_rejected() {
    let cluster = TestCluster::start(1).await.unwrap();
    let mut master = RawMaster::connect(cluster.dialer(0)).await;
    master.say(1, from_master::Frame::Start(start(1)));
    let Some(from_slave::Frame::Rejected(rejected)) = master.hears().await else {
        panic!("it is refused")
    };
    assert_eq!(rejected.refusal.unwrap().message, "the first frame of a stream is Hello, alone");
    assert_eq!(master.hears().await, None);
    drop(master);
    cluster.stop().await;
}

#[tokio::test]
async fn a_verdict_that_cannot_be_read_ends_its_task_lost_and_no_other() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().start());
    let execution = session.start().await.execution;
    session.send(from_slave::Frame::Accepted(proto::Accepted { execution, reply: None }));
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    session.send(from_slave::Frame::Finished(proto::Finished { execution, outcome: None }));
    let failure = expect::failure(&running, TaskStatus::Lost).await;
    assert!(failure.message.contains("Finished.outcome is missing"), "{failure}");
    assert!(connection.is_connected());
}

#[tokio::test]
async fn an_output_that_cannot_be_read_is_missing_and_all_else_goes_on() {
    let master = Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let starting = tokio::spawn(connection.new_task(json!(1)).unwrap().keep_picture().start());
    let execution = session.start().await.execution;
    session.send(from_slave::Frame::Accepted(proto::Accepted { execution, reply: None }));
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    let mut events = running.events();
    assert_eq!(events.next().await, Some(TaskEvent::Accepted));

    let document =
        |data: &str| Box::new(proto::Document { data: data.into(), ..Default::default() });
    let deep =
        format!("{{\"layout\":{}{}}}", "{\"a\":".repeat(200), "1".to_owned() + &"}".repeat(200));
    let contents = [
        None,
        Some(Content::Plot(document("[1"))),
        Some(Content::Plot(document(&deep))),
        Some(Content::Container(document("{\"layout\":{\"type\":\"grid\",\"grid\":\"?\"}}"))),
        Some(Content::Plot(document("{\"title\":\"read\"}"))),
    ];
    for (seq, content) in (1..).zip(contents) {
        let output = Some(proto::Output { seq, content });
        session.send(from_slave::Frame::Output(proto::ExecutionOutput { execution, output }));
    }
    let next = expect::soon("the hole", events.next()).await;
    assert_eq!(next, Some(TaskEvent::Missed(4)));
    let next = expect::soon("the plot", events.next()).await;
    assert!(matches!(next, Some(TaskEvent::Output(output)) if output.content.kind() == "plot"));
    assert_eq!(running.picture().unwrap().missed(), 4);
    assert!(connection.is_connected());
}
