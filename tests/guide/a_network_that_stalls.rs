use std::time::Duration;

use selsyn::{ConnectionState, Failure, FunctionExecution};
use selsyn_testing::{Direction, Fault, FaultKind, TestCluster, expect};
use tokio::time::Instant;

/// Takes an hour, which is over at once: the clock of this test is its own.
async fn slow_square(_: FunctionExecution, number: u64) -> Result<u64, Failure> {
    tokio::time::sleep(Duration::from_secs(3600)).await;
    Ok(number * number)
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_held_up_arrive_once_the_network_lets_them() {
    let cluster = TestCluster::builder(1)
        .over_proxies(7)
        .virtual_time()
        .slaves(|_, slave| slave.function("slow_square", slow_square))
        .start()
        .await
        .unwrap();
    let (connection, proxy) = (cluster.connection(0), cluster.proxy(0));
    let task = connection.new_task(12).unwrap().function("slow_square");
    let running = task.start().await.unwrap();
    expect::running(&running).await;

    // Nothing comes back any more, and nothing is closed: only silence tells.
    proxy.inject(Fault::Stall(Direction::ToMaster));
    let stalled = Instant::now();
    expect::state(connection, ConnectionState::Suspect).await;
    assert_eq!(stalled.elapsed().as_secs(), 7, "suspect_after is 7 s");
    assert_eq!(proxy.applied().of(FaultKind::Stall), 1);

    proxy.heal();
    expect::state(connection, ConnectionState::Connected).await;
    assert_eq!(running.success::<u64>().await.unwrap(), 144);
    cluster.stop().await;
}
