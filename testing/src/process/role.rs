//! What a process does that was started to be a slave.

use std::io::Write;
use std::time::Duration;

use selsyn::{BoundSlave, BuildError, Slave, SlaveBuilder};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{Instant, sleep};

/// Set in a process that is to be a slave: the address it shall listen on.
pub(super) const ASKED: &str = "SELSYN_TESTING_SLAVE";
/// Begins the line that tells the address. The test harness writes to the same output.
pub(super) const SERVING: &str = "selsyn slave at ";

/// How long a port may stay taken that a former life had: a process that starts beside holds it
/// between fork and exec.
const PORT_PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn serve_if_asked(build: impl FnOnce(SlaveBuilder) -> SlaveBuilder) -> bool {
    let Ok(address) = std::env::var(ASKED) else { return false };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime for the slave");
    runtime.block_on(async {
        wait_for_the_port(&address).await;
        let bound = build(Slave::builder()).bind(&address).await;
        serve(bound).await;
    });
    // A thread of it reads standard input, which may stay open.
    runtime.shutdown_background();
    true
}

/// A builder is used up by binding: the port is tried before.
async fn wait_for_the_port(address: &str) {
    let begun = Instant::now();
    while std::net::TcpListener::bind(address).is_err() && begun.elapsed() < PORT_PATIENCE {
        sleep(Duration::from_millis(10)).await;
    }
}

async fn serve(bound: Result<BoundSlave, BuildError>) {
    let bound = bound.expect("a slave that can be bound");
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be heard");
    let line = format!("\n{SERVING}{}\n", bound.addr());
    std::io::stdout().write_all(line.as_bytes()).expect("whoever started this process listens");
    let terminated = async { terminate.recv().await.unwrap_or_default() };
    let parent_gone = async { drop(tokio::io::stdin().read_to_end(&mut Vec::new()).await) };
    tokio::select! {
        served = bound.serve_until(terminated) => served.expect("a slave of a test ends in good order"),
        // Nobody is left to drain for.
        () = parent_gone => {}
    }
}
