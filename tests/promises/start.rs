//! A start is never a lie: it says what became of the task, and gives back what it could not send.

use std::time::Duration;

use selsyn::{OnStartError, Ran, StartError, TaskStatus};
use selsyn_common::proto::{self, from_master, from_slave};
use selsyn_testing::functions::{Counter, count};
use selsyn_testing::{Gate, TestCluster, expect, functions};
use selsyn_tests::FakeSlave;
use serde_json::json;

const SHORT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn an_unknown_function_is_refused_with_what_was_meant() {
    let cluster = TestCluster::start(1).await.unwrap();
    let error = expect::error(
        cluster.connection(0).new_task(json!({"a": 1})).unwrap().function("ad").start().await,
    );
    assert_eq!(
        (error.code(), error.ran(), error.status()),
        ("E0101", Ran::No, TaskStatus::StartFailed)
    );
    assert_eq!(
        error.to_string(),
        "slave slave-0 refused the task: there is no function ad; did you mean add?"
    );
    assert_eq!(error.data().to_string(), r#"{"a":1}"#);
    cluster.stop().await;
}

#[tokio::test]
async fn a_start_that_is_dropped_before_its_answer_never_runs() {
    let (gate, counter) = (Gate::closed(), Counter::default());
    let (asked, counted) = (gate.clone(), counter.clone());
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            let asked = asked.clone();
            slave.function("count", count(counted.clone())).before_task_async(move |_| {
                let asked = asked.clone();
                async move {
                    asked.opened().await;
                    Ok(())
                }
            })
        })
        .start()
        .await
        .unwrap();
    let connection = cluster.connection(0).clone();
    let starting =
        tokio::spawn(
            async move { connection.new_task(1).unwrap().function("count").start().await },
        );
    expect::eventually("the start to be sent", || cluster.connection(0).in_flight() == 1).await;
    starting.abort();
    expect::eventually("the start to be taken back", || cluster.connection(0).in_flight() == 0)
        .await;
    gate.open();
    let after = cluster.connection(0).new_task(1).unwrap().function("count").start().await.unwrap();
    assert_eq!(after.success::<usize>().await.unwrap(), 1);
    cluster.stop().await;
}

#[tokio::test]
async fn a_start_waits_for_its_connection_until_the_deadline_and_is_then_taken_back() {
    let master = selsyn::Master::new().unwrap();
    let gone = || async {
        Err::<tokio::io::DuplexStream, _>(std::io::ErrorKind::ConnectionRefused.into())
    };
    let connection =
        master.connect_with("away", gone).lazy().attempts_without_limit().await.unwrap();
    let task = connection.new_task(json!("back")).unwrap().start_deadline(SHORT);
    let error = expect::error(task.start().await);
    assert!(matches!(error, StartError::Deadline { .. }), "{error}");
    assert_eq!((error.code(), error.ran(), connection.in_flight()), ("E0111", Ran::No, 0));
    assert_eq!(error.data().to_string(), r#""back""#);
}

#[tokio::test]
async fn a_lazy_connection_sends_what_waited_once_it_is_up() {
    let (dialer, listener) = selsyn_testing::pipe();
    let master = selsyn::Master::new().unwrap();
    let connection =
        master.connect_with("lazy", move || dialer.clone().dial()).lazy().await.unwrap();
    let task = connection.new_task(json!(1)).unwrap().function("echo");
    let starting = tokio::spawn(task.start());
    expect::eventually("the start to wait", || connection.in_flight() == 1).await;
    let slave = selsyn::Slave::builder()
        .function("echo", functions::echo())
        .incoming(listener)
        .unwrap()
        .spawn();
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    expect::completed(&running).await;
    master.close().await;
    slave.shutdown().await.unwrap();
}

/// The slave takes the start and says nothing, not even to the cancel.
#[tokio::test]
async fn a_start_that_nobody_answers_is_unknown_and_still_a_task() {
    let master = selsyn::Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let task = connection.new_task(json!(1)).unwrap().start_deadline(SHORT);
    let starting = tokio::spawn(task.start());
    let started = session.start().await;
    let error = expect::error(expect::soon("the start", starting).await.unwrap());
    assert_eq!(
        (error.code(), error.ran(), error.status()),
        ("E0113", Ran::Unknown, TaskStatus::Starting)
    );

    // It is told in the end: the cancel is answered late, and the task never ran.
    let StartError::Unknown(running) = error else { panic!("it carries the task") };
    let execution = started.execution;
    session.send(from_slave::Frame::Forbidden(proto::Forbidden { execution }));
    let failure = expect::failure(&running, TaskStatus::StartFailed).await;
    assert_eq!(failure.ran, Ran::No);
}

#[tokio::test]
async fn a_start_that_was_too_large_leaves_the_next_its_patience() {
    let master = selsyn::Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let large = selsyn::Payload::bytes(vec![0; 64 * 1024 * 1024 + 1]);
    let task = connection.new_task(&large).unwrap().start_deadline(SHORT);
    let error = expect::error(task.start().await);
    assert!(matches!(error, StartError::TooLarge { .. }), "{error}");
    let task = connection.new_task(json!(1)).unwrap().start_deadline(SHORT);
    let starting = tokio::spawn(task.start());
    session.start().await;
    let from_master::Frame::Cancel(_) = session.next().await else { panic!("it is given up") };
    expect::error(expect::soon("the start", starting).await.unwrap());
}

#[tokio::test]
async fn a_slave_that_forbids_a_late_start_settles_it() {
    let master = selsyn::Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let task = connection.new_task(json!(1)).unwrap().start_deadline(SHORT);
    let starting = tokio::spawn(task.start());
    session.start().await;
    let from_master::Frame::Cancel(cancel) = session.next().await else {
        panic!("a cancel follows")
    };
    let execution = cancel.execution;
    session.send(from_slave::Frame::Forbidden(proto::Forbidden { execution }));
    let error = expect::error(expect::soon("the start", starting).await.unwrap());
    assert!(matches!(error, StartError::Forbidden { .. }), "{error}");
    assert_eq!(error.ran(), Ran::No);
}

#[tokio::test]
async fn a_start_that_was_sent_and_never_answered_is_no_success_when_the_connection_ends() {
    let master = selsyn::Master::new().unwrap();
    let mut slave = FakeSlave::listen();
    let (connection, mut session) = slave.connect(&master, "it").await;
    let told = Counter::default();
    let counted = told.clone();
    let task = connection.new_task(json!(1)).unwrap().after_start(move |_| {
        counted.count();
    });
    let starting = tokio::spawn(task.start());
    session.start().await;
    connection.detach();
    let error = expect::error(expect::soon("the start", starting).await.unwrap());
    assert_eq!((error.code(), error.ran(), told.runs()), ("E0113", Ran::Unknown, 0));
    let StartError::Unknown(running) = error else { panic!("it carries the task") };
    expect::ended_as(&running, TaskStatus::Lost).await;
}

#[tokio::test]
async fn a_start_whose_hook_never_answers_is_taken_back_and_never_runs() {
    let runs = Counter::default();
    let counted = runs.clone();
    let cluster = TestCluster::builder(1)
        .slaves(move |_, slave| {
            slave.slots(1).function("count", count(counted.clone())).before_task_async(
                async |task| match task.function.as_str() {
                    "count" => std::future::pending().await,
                    _ => Ok(()),
                },
            )
        })
        .start()
        .await
        .unwrap();
    let task = || cluster.connection(0).new_task(1).unwrap();
    let error = expect::error(task().function("count").start_deadline(SHORT).start().await);
    assert!(matches!(error, StartError::Forbidden { .. }), "{error}");
    assert_eq!((error.ran(), cluster.slave(0).running()), (Ran::No, 0));
    expect::completed(&task().function("echo").start().await.unwrap()).await;
    assert_eq!(runs.runs(), 0);
    cluster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_start_that_waited_in_vain_names_what_the_last_dial_met() {
    let master = selsyn::Master::new().unwrap();
    let dials = Counter::default();
    let dialled = dials.clone();
    let gone = move || {
        let error = std::io::Error::other(format!("no route, dial {}", dialled.count()));
        std::future::ready(Err::<tokio::io::DuplexStream, _>(error))
    };
    let connecting = master.connect_with("away", gone).lazy().attempts_without_limit();
    let connection = connecting.every(Duration::from_secs(1)).await.unwrap();
    let task = connection.new_task(1).unwrap().start_deadline(Duration::from_millis(2_500));
    let error = expect::error(task.start().await);
    assert_eq!((error.code(), dials.runs()), ("E0111", 3));
    assert!(error.to_string().ends_with("no route, dial 3"), "{error}");
    let StartError::Deadline { source, .. } = error else { panic!("{error}") };
    assert_eq!(source.unwrap().code(), "E0202");
}

#[tokio::test]
async fn a_start_on_a_connection_that_is_given_up_says_why() {
    let master = selsyn::Master::new().unwrap();
    let gives_up = Gate::closed();
    let opened = gives_up.clone();
    let gone = move || {
        let gives_up = opened.clone();
        async move {
            gives_up.opened().await;
            Err::<tokio::io::DuplexStream, _>(std::io::Error::other("no route"))
        }
    };
    let connection = master.connect_with("away", gone).lazy().await.unwrap();
    let starting = tokio::spawn(connection.new_task(1).unwrap().start());
    expect::eventually("the start to wait", || connection.in_flight() == 1).await;
    gives_up.open();
    let waited = expect::error(expect::soon("the start", starting).await.unwrap());
    let late = expect::error(connection.new_task(1).unwrap().start().await);
    for error in [waited, late] {
        assert!(matches!(error, StartError::NotConnected { .. }), "{error}");
        assert!(error.to_string().ends_with("no route"), "{error}");
        assert_eq!(error.ran(), Ran::No);
    }
}

#[tokio::test]
async fn a_task_has_the_name_of_its_function_before_its_start_and_after() {
    let cluster = TestCluster::start(1).await.unwrap();
    let connection = cluster.connection(0);
    let task = || connection.new_task(json!({"a": 1, "b": 1})).unwrap().function("add");
    assert_eq!(task().function_name(), "add");
    let running = [
        task().start().await.unwrap(),
        task().before_start(Ok).start().await.unwrap(),
        task().function("no").on_start_error(|_, _| OnStartError::Swallow).start().await.unwrap(),
    ];
    assert_eq!(running.each_ref().map(|running| running.function()), ["add", "add", "no"]);
    cluster.stop().await;
}
