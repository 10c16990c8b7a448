//! A connection with a single task, whose last frames nothing follows, loses nothing to one cut.

use std::time::Duration;

use futures_util::StreamExt;
use selsyn::{Master, Slave, TaskStatus};
use selsyn_testing::{Direction, Ending, Fault, FaultProxy, functions};

const ENDINGS: [Ending; 3] = [Ending::Reset, Ending::Close, Ending::HalfClose];
/// Beyond what a greeting and one task say in either direction.
const BYTES: u64 = 900;

/// One task over a connection of its own that is cut after so many bytes; says what went wrong.
async fn alone(
    slave: std::net::SocketAddr,
    direction: Direction,
    bytes: u64,
    ending: Ending,
) -> Option<String> {
    let proxy = FaultProxy::to_address(slave, bytes);
    let tolerance = Duration::from_secs(1);
    let master = Master::builder()
        .suspect_after(tolerance / 2)
        .heartbeat_tolerance(tolerance)
        .greeting_timeout(tolerance)
        .start_deadline(Duration::from_secs(20))
        .build()
        .unwrap();
    let address = proxy.listen().await.unwrap();
    proxy.inject(Fault::CutAfter { direction, bytes, ending });
    let connection = master.connect("lone", address).attempts(10).await.unwrap();
    let starting = connection.new_task(1).unwrap().function("echo").start();
    let done = async { Ok::<_, selsyn::StartError>(starting.await?.join().await.status) };
    let done = tokio::time::timeout(Duration::from_secs(20), done).await;
    // A slave that is not told takes the connection for lost: that is another test's matter.
    connection.detach();
    match done {
        Ok(Ok(TaskStatus::Completed)) => None,
        other => Some(format!("{direction:?} after {bytes} bytes, {ending:?}: {other:?}")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_task_completes_wherever_its_stream_is_cut() {
    let slave = Slave::builder()
        .function("echo", functions::echo())
        .max_sessions(4_096)
        .heartbeat_every(Duration::from_millis(250))
        .heartbeat_tolerance(Duration::from_secs(1));
    let slave = slave.bind("127.0.0.1:0").await.unwrap().spawn();
    let address = slave.addr();
    let cases = [Direction::ToSlave, Direction::ToMaster].into_iter().flat_map(|direction| {
        let ends = ENDINGS.into_iter();
        ends.flat_map(move |ending| (0..BYTES).step_by(9).map(move |at| (direction, at, ending)))
    });
    let wrong: Vec<_> = futures_util::stream::iter(cases)
        .map(|(direction, bytes, ending)| alone(address, direction, bytes, ending))
        .buffer_unordered(32)
        .filter_map(std::future::ready)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} cases: {wrong:#?}", wrong.len());
    slave.shutdown().await.unwrap();
}
