//! A cluster can be partitioned, killed and restarted, in one process and in many.

use std::time::Duration;

use selsyn::{Connection, ConnectionState, Failure, FunctionExecution, Payload, TaskStatus};
use selsyn_testing::{Fault, FaultKind, Node, SlaveProcess, TestCluster, expect, functions};
use serde_json::json;
use tokio::time::Instant;

/// The other processes. As a test of its own it does nothing.
#[test]
fn as_a_slave() {
    SlaveProcess::serve_if_asked(functions::all);
}

async fn echoes(connection: &Connection) {
    let echo = connection.new_task(json!("here")).unwrap().function("echo").start().await.unwrap();
    expect::completed(&echo).await;
}

/// Starts on a slave that has just been away are tried until one lands.
async fn echoes_again(connection: &Connection) {
    let again = async {
        loop {
            expect::state(connection, ConnectionState::Connected).await;
            let task = connection.new_task(json!("again")).unwrap().function("echo");
            if let Ok(echo) = task.start().await
                && echo.join().await.status == TaskStatus::Completed
            {
                return;
            }
        }
    };
    expect::soon("an answer", again).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_silences_one_side_and_healing_it_lets_everything_arrive() {
    let cluster = TestCluster::builder(3).over_proxies(5).virtual_time().start().await.unwrap();
    cluster.partition(&[Node::Master], &[Node::Slave(1), Node::Slave(2)]);
    echoes(cluster.connection(0)).await;
    let task = cluster.connection(1).new_task(json!(1)).unwrap().function("echo");
    let starting = tokio::spawn(task.start_deadline(Duration::from_secs(60)).start());
    for silent in [1, 2] {
        expect::state(cluster.connection(silent), ConnectionState::Suspect).await;
        assert_eq!(cluster.proxy(silent).applied().of(FaultKind::BlackHole), 1);
    }
    assert_eq!(cluster.connection(0).state(), ConnectionState::Connected);
    assert!(!starting.is_finished());
    cluster.heal();
    let running = expect::soon("the start", starting).await.unwrap().unwrap();
    expect::completed(&running).await;
    assert_eq!(cluster.connection(1).state(), ConnectionState::Connected);
    cluster.stop().await;
}

#[tokio::test(start_paused = true)]
async fn under_virtual_time_an_hour_of_a_function_takes_no_time() {
    async fn slow(_: FunctionExecution, data: Payload) -> Result<Payload, Failure> {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        Ok(data)
    }
    let cluster = TestCluster::builder(1)
        .virtual_time()
        .slaves(|_, slave| slave.function("slow", slow))
        .start()
        .await
        .unwrap();
    let (begun, really) = (Instant::now(), std::time::Instant::now());
    let slow = cluster.connection(0).new_task(json!(1)).unwrap().function("slow").start().await;
    assert_eq!(slow.unwrap().join().await.status, TaskStatus::Completed);
    assert!(begun.elapsed() >= Duration::from_secs(3600));
    assert!(really.elapsed() < Duration::from_secs(30), "{:?}", really.elapsed());
    cluster.stop().await;
}

#[tokio::test]
async fn a_slave_that_is_killed_and_restarted_is_found_again() {
    let mut cluster = TestCluster::builder(2).over_proxies(5).start().await.unwrap();
    let first = cluster.connection(0).slave_id();
    cluster.kill(0).await.unwrap();
    expect::state(cluster.connection(0), ConnectionState::Unreachable).await;
    echoes(cluster.connection(1)).await;
    cluster.restart(0).await.unwrap();
    echoes_again(cluster.connection(0)).await;
    assert_ne!(cluster.connection(0).slave_id(), first);
    cluster.stop().await;
}

#[tokio::test]
async fn a_cluster_of_processes_over_proxies_is_reset_killed_and_restarted() {
    let builder = TestCluster::builder(2).processes(as_a_slave).over_proxies(5);
    let mut cluster = builder.start().await.unwrap();
    for connection in cluster.connections() {
        echoes(connection).await;
    }
    cluster.proxy(0).inject(Fault::Reset);
    expect::state(cluster.connection(0), ConnectionState::Unreachable).await;
    echoes_again(cluster.connection(0)).await;
    assert_eq!(cluster.proxy(0).applied().to_string(), "1 Reset");

    let former = cluster.process(1).pid();
    cluster.restart(1).await.unwrap();
    assert_ne!(cluster.process(1).pid(), former);
    expect::state(cluster.connection(1), ConnectionState::Unreachable).await;
    echoes_again(cluster.connection(1)).await;
    let told = cluster.timeline().to_string();
    let noted = ["Reset begins", "connection slave-0: Unreachable", "slave-1 is started again"];
    for noted in noted {
        assert!(told.contains(noted), "{told}");
    }
    cluster.stop().await;
}

/// Set in the process in which a test fails on purpose.
const FAILS: &str = "SELSYN_TEST_FAILS";

/// Fails in a process of its own. As a test of its own it does nothing.
#[tokio::test]
async fn as_a_test_that_fails() {
    if std::env::var_os(FAILS).is_none() {
        return;
    }
    let cluster = TestCluster::builder(1).over_proxies(77).start().await.unwrap();
    let task = cluster.connection(0).new_task(json!(1)).unwrap().function("echo");
    let running = task.start().await.unwrap();
    let followed = cluster.timeline().follow(&running);
    expect::completed(&running).await;
    followed.await.unwrap();
    cluster.proxy(0).inject(Fault::Slice);
    panic!("as asked");
}

#[tokio::test]
async fn a_failed_test_prints_its_timeline_with_the_seed() {
    let failed = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["cluster::as_a_test_that_fails", "--exact", "--nocapture"])
        .env(FAILS, "yes")
        .output();
    let failed = expect::soon("the test to fail", failed).await.unwrap();
    assert!(!failed.status.success());
    let said = String::from_utf8_lossy(&failed.stderr);
    for noted in
        ["seed 77", "connection slave-0: Connected", ": accepted", ": COMPLETED", "Slice begins"]
    {
        assert!(said.contains(noted), "{noted} is missing in {said}");
    }
}
