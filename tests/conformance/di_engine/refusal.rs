//! E-07 to E-10, E-28 and E-29: a slave says no, with its code and its data.

use selsyn::{
    ConnectError, ConnectionRequest, DisconnectError, ErrorCode, Failure, FailureKind, Master,
    OnStartError, Ran, Refusal, Slave, StartError, TaskRequest, TaskStatus,
};
use selsyn_testing::functions::Counter;
use selsyn_testing::{Gate, TestCluster, expect, functions, pipe};
use serde_json::json;

use super::{read, works};

/// The refusal of a connection to an exclusive slave that `slave-0` of the cluster holds.
fn is_taken(error: &ConnectError) {
    assert_eq!(error.error_code(), ErrorCode::SlaveTaken);
    let refusal = error.refusal().expect("it was the slave that said no");
    assert_eq!(refusal.code, 501);
    assert!(refusal.message.contains("slave-0"), "{refusal}");
}

async fn exclusive() -> TestCluster {
    let cluster = TestCluster::builder(1).slaves(|_, slave| slave.exclusive());
    cluster.start().await.expect("one connection is taken")
}

#[tokio::test]
async fn e_07_an_exclusive_slave_refuses_a_second_master() {
    let cluster = exclusive().await;
    let (second, dialer) = (Master::new().unwrap(), cluster.dialer(0));
    let refused = second.connect_with("other", move || dialer.clone().dial());
    is_taken(&expect::error(refused.await));

    assert!(!second.contains("other"));
    works(cluster.connection(0)).await;
    cluster.stop().await;
}

#[tokio::test]
async fn e_08_an_exclusive_slave_refuses_a_second_connection_of_its_master() {
    let cluster = exclusive().await;
    let (master, dialer) = (cluster.master(), cluster.dialer(0));
    let refused = master.connect_with("other", move || dialer.clone().dial());
    is_taken(&expect::error(refused.await));

    assert!(!master.contains("other"));
    works(cluster.connection(0)).await;
    cluster.stop().await;
}

#[tokio::test]
async fn e_09_a_refused_connection_gets_the_hooks_data_and_leaves_the_slave_free() {
    let refuse_the_first = |request: ConnectionRequest| match request.peer.connection.as_str() {
        "first" => Err(Refusal::new("not you").with_data(json!({"why": "c"}))),
        _ => Ok(()),
    };
    let (dialer, listener) = pipe();
    let slave = Slave::builder()
        .exclusive()
        .function("add", functions::add())
        .before_connection(refuse_the_first)
        .incoming(listener)
        .unwrap()
        .spawn();

    let (first, dial) = (Master::new().unwrap(), dialer.clone());
    let refused = first.connect_with("first", move || dial.clone().dial());
    let error = expect::error(refused.await);
    assert_eq!(error.error_code(), ErrorCode::ConnectionRefused);
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.code, refusal.message.as_str()), (503, "not you"));
    assert_eq!(read(refusal.data.as_ref()), json!({"why": "c"}));
    assert!(first.connections().is_empty());

    let second = Master::new().unwrap();
    let taken = second.connect_with("second", move || dialer.clone().dial());
    works(&taken.await.unwrap()).await;
    second.close().await;
    slave.shutdown().await.unwrap();
}

#[tokio::test]
async fn e_10_a_refused_goodbye_leaves_the_connection_up() {
    let refuse = |_: ConnectionRequest| -> Result<(), Refusal> {
        Err(Refusal::new("stay").with_data(json!({"why": "d"})))
    };
    let cluster =
        TestCluster::builder(1).slaves(move |_, slave| slave.before_disconnection(refuse));
    let cluster = cluster.start().await.unwrap();
    let connection = cluster.connection(0);

    let error = expect::error(expect::soon("an answer", connection.disconnect()).await);
    assert!(matches!(error, DisconnectError::Refused { .. }), "{error}");
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.code, refusal.message.as_str()), (504, "stay"));
    assert_eq!(read(refusal.data.as_ref()), json!({"why": "d"}));

    assert!(connection.is_connected() && cluster.master().contains("slave-0"));
    works(connection).await;
    cluster.stop().await;
}

#[tokio::test]
async fn e_28_an_exclusive_slave_refuses_a_second_task() {
    let gate = Gate::closed();
    let opened = gate.clone();
    let cluster = TestCluster::builder(1).slaves(move |_, slave| {
        let wait = functions::wait_for(opened.clone());
        slave.exclusive().function("wait", wait)
    });
    let cluster = cluster.start().await.unwrap();
    let connection = cluster.connection(0);
    let first = connection.new_task(json!("first")).unwrap();
    let first = first.function("wait").start().await.unwrap();
    expect::running(&first).await;

    let second = connection.new_task(json!({"a": 2, "b": 3})).unwrap();
    let error = expect::error(second.start().await);
    assert_eq!(error.error_code(), ErrorCode::SlaveBusy);
    assert_eq!(error.refusal().unwrap().code, 601);
    assert_eq!((error.status(), error.ran()), (TaskStatus::StartFailed, Ran::No));

    gate.open();
    let outcome = expect::completed(&first).await;
    assert_eq!(read(outcome.value()), json!("first"));
    // The slot is free before the result is told: no start after a join is refused.
    works(connection).await;
    cluster.stop().await;
}

#[tokio::test]
async fn e_29_a_refused_task_has_failed_to_start_and_nothing_waits_for_it() {
    let refuse = |_: TaskRequest| -> Result<(), Refusal> {
        Err(Refusal::new("not now").with_data(json!({"value": 233})))
    };
    let runs = Counter::default();
    let (counter, told) = (runs.clone(), Counter::default());
    let cluster = TestCluster::builder(1).slaves(move |_, slave| {
        let count = functions::count(counter.clone());
        slave.function("count", count).before_task(refuse)
    });
    let cluster = cluster.start().await.unwrap();
    let counted = |verdict| {
        let told = told.clone();
        let task = cluster.connection(0).new_task(()).unwrap();
        task.function("count").on_start_error(move |_, error| {
            assert!(matches!(error, StartError::Refused { .. }));
            told.count();
            verdict
        })
    };

    let propagated = counted(OnStartError::Propagate).start();
    let error = expect::error(expect::soon("an answer", propagated).await);
    assert_eq!(error.error_code(), ErrorCode::TaskRefused);
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.code, refusal.message.as_str()), (602, "not now"));
    assert_eq!(read(refusal.data.as_ref()), json!({"value": 233}));
    assert_eq!(error.status(), TaskStatus::StartFailed);
    assert_eq!(told.runs(), 1);

    let swallowed = counted(OnStartError::Swallow).start();
    let running = expect::soon("an answer", swallowed).await.unwrap();
    assert_eq!(running.status(), TaskStatus::StartFailed);
    let failure: Failure = expect::failure(&running, TaskStatus::StartFailed).await;
    assert_eq!((failure.kind, failure.ran), (FailureKind::Refused, Ran::No));
    assert_eq!(read(failure.data.as_ref()), json!({"value": 233}));
    assert_eq!((told.runs(), runs.runs()), (2, 0));
    cluster.stop().await;
}
