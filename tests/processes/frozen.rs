//! A slave that is frozen for a while: what its master sees, and that nothing is done twice.

use std::time::Duration;

use selsyn::{
    Connection, ConnectionState, Failure, FunctionExecution, Master, MasterBuilder, TaskStatus,
};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, SlaveProcess, expect, functions};
use selsyn_tests::States;
use serde::de::DeserializeOwned;

/// The other process. As a test of its own it does nothing.
#[test]
fn as_a_slave() {
    let (gate, runs, lost) = (Gate::closed(), Counter::default(), Counter::default());
    let (opened, counted, lost_told) = (gate.clone(), runs.clone(), lost.clone());
    let wait = move |_: FunctionExecution, (): ()| {
        let (gate, number) = (gate.clone(), runs.count());
        async move {
            gate.opened().await;
            Ok::<_, Failure>(number)
        }
    };
    let open = move |_: FunctionExecution, (): ()| {
        opened.open();
        async { Ok::<_, Failure>(()) }
    };
    let report = move |_: FunctionExecution, (): ()| {
        let report = (counted.runs(), lost_told.runs());
        async move { Ok::<_, Failure>(report) }
    };
    SlaveProcess::serve_if_asked(|slave| {
        functions::all(slave)
            .function("wait", wait)
            .function("open", open)
            .function("report", report)
            .heartbeat_every(Duration::from_millis(100))
            .lost_connection(move |_| {
                lost.count();
            })
    });
}

async fn frozen_by(master: MasterBuilder) -> (SlaveProcess, Master, Connection) {
    let slave = SlaveProcess::start(as_a_slave).await.unwrap();
    let master = master.build().unwrap();
    let connection = master.connect("frozen", slave.address()).await.unwrap();
    (slave, master, connection)
}

/// What a function that takes nothing gives back.
async fn call<T: DeserializeOwned>(connection: &Connection, function: &str) -> T {
    let task = connection.new_task(()).unwrap().function(function);
    let running = expect::soon("the start", task.start()).await.unwrap();
    expect::completed(&running).await.value().unwrap().to().unwrap()
}

#[tokio::test]
async fn frozen_within_the_tolerance_the_view_is_suspect_and_back_and_the_stream_never_breaks() {
    let patient = Master::builder().suspect_after(Duration::from_millis(700));
    let (slave, master, connection) = frozen_by(patient).await;
    let states = States::of(&connection);
    let waiting = connection.new_task(()).unwrap().function("wait").start().await.unwrap();
    expect::running(&waiting).await;
    slave.freeze().unwrap();
    expect::state(&connection, ConnectionState::Suspect).await;
    slave.thaw().unwrap();
    expect::state(&connection, ConnectionState::Connected).await;
    let () = call(&connection, "open").await;
    let ran: usize = expect::completed(&waiting).await.value().unwrap().to().unwrap();
    let told: (usize, usize) = call(&connection, "report").await;
    assert_eq!((ran, told), (1, (1, 0)), "one run, and no session was lost");
    assert!(states.seen().iter().all(|state| state.is_up()), "{:?}", states.seen());
    master.close().await;
}

#[tokio::test]
async fn frozen_beyond_the_tolerance_and_within_the_window_it_resumes_and_nothing_ran_twice() {
    let tolerance = Duration::from_secs(1);
    let impatient = Master::builder()
        .suspect_after(tolerance / 2)
        .heartbeat_tolerance(tolerance)
        .greeting_timeout(tolerance)
        .resume_window(Some(Duration::from_secs(120)))
        .start_deadline(Duration::from_secs(60));
    let (slave, master, connection) = frozen_by(impatient).await;
    let states = States::of(&connection);
    let waiting = connection.new_task(()).unwrap().function("wait").start().await.unwrap();
    expect::running(&waiting).await;
    slave.freeze().unwrap();
    let task = connection.new_task(()).unwrap().function("wait");
    let meanwhile = tokio::spawn(task.start());
    expect::state(&connection, ConnectionState::Unreachable).await;
    slave.thaw().unwrap();
    expect::state(&connection, ConnectionState::Connected).await;
    let meanwhile = expect::soon("the start", meanwhile).await.unwrap().unwrap();
    let () = call(&connection, "open").await;
    for (running, number) in [(waiting, 1), (meanwhile, 2)] {
        let ran: usize = expect::completed(&running).await.value().unwrap().to().unwrap();
        assert_eq!(ran, number);
    }
    let told: (usize, usize) = call(&connection, "report").await;
    assert_eq!(told, (2, 0), "two runs, and no session was lost");
    assert!(states.seen().contains(&ConnectionState::Unreachable), "{:?}", states.seen());
    master.close().await;
}

#[tokio::test]
async fn frozen_beyond_the_window_its_task_is_lost_and_the_late_verdict_is_told_once() {
    let tolerance = Duration::from_secs(1);
    let (tell, mut late) = tokio::sync::mpsc::unbounded_channel();
    let impatient = Master::builder()
        .suspect_after(tolerance / 2)
        .heartbeat_tolerance(tolerance)
        .greeting_timeout(tolerance)
        .resume_window(Some(tolerance * 2))
        .on_late_result(move |late| tell.send((late.task, late.outcome.status)).unwrap());
    let (slave, master, connection) = frozen_by(impatient).await;
    let waiting = connection.new_task(()).unwrap().function("wait").start().await.unwrap();
    expect::running(&waiting).await;
    slave.freeze().unwrap();
    expect::ended_as(&waiting, TaskStatus::Lost).await;
    slave.thaw().unwrap();
    expect::state(&connection, ConnectionState::Connected).await;
    let () = call(&connection, "open").await;
    let told = expect::soon("the late verdict", late.recv()).await.unwrap();
    assert_eq!(told, (waiting.id(), TaskStatus::Completed));
    assert_eq!(waiting.status(), TaskStatus::Lost, "a verdict stands");
    master.close().await;
    drop((slave, connection, master, waiting));
    assert_eq!(expect::soon("the hook to be dropped", late.recv()).await, None, "it is told once");
}
