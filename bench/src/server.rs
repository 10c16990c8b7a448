//! The other process: a slave and every yardstick's server, until standard input ends.

use std::io::Write as _;

use selsyn::{Failure, FunctionExecution, Payload, Slave, SlaveBuilder, function};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::sync::watch;

use crate::placement::{Placement, Role};
use crate::process::Addresses;
use crate::yardstick::{echo, nats, tarpc, tcp};
use crate::{PAYLOAD, Result};

/// More tasks than any case has outstanding.
const QUEUE: usize = 2_000_000;

/// Lines between two looks at what else there is to do.
const YIELDS: usize = 256;

/// More connections than any case makes.
const CONNECTIONS: usize = 20_000;

/// More lines than any case logs: what is measured is how fast they are read, not what is dropped.
const LINES: u64 = 50_000_000;

const GIB: usize = 1024 * 1024 * 1024;

pub(crate) fn run(placement: Placement) -> Result<()> {
    placement.runtime(Role::Server)?.block_on(serve())
}

async fn serve() -> Result<()> {
    let (gate, opened) = watch::channel(false);
    let slave = slave(opened).bind("127.0.0.1:0").await?;
    let at = Addresses {
        slave: slave.addr(),
        echo: echo::serve(echo::Tuning::Default).await?,
        tarpc: tarpc::serve().await?,
        tuned: echo::serve(echo::Tuning::Wide).await?,
        tcp: tcp::serve().await?,
        nats: None,
    };
    let line = serde_json::to_string(&at)?;
    std::io::stdout().write_all(format!("{line}\n").as_bytes())?;
    Ok(slave.serve_until(parent_gone(gate)).await?)
}

/// Logs so many lines, each as long as a small payload.
async fn lines(execution: FunctionExecution, lines: usize) -> std::result::Result<(), Failure> {
    let line = "7".repeat(PAYLOAD);
    for n in 0..lines {
        execution.info(&line);
        if n % YIELDS == 0 {
            // One core has a reader on it too.
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Does what the lines of standard input say; its end is the parent's.
async fn parent_gone(gate: watch::Sender<bool>) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.strip_prefix("nats ").map(str::parse) {
            Some(Ok(broker)) => drop(tokio::spawn(nats::answer(broker))),
            _ => drop(gate.send_replace(true)),
        }
    }
}

fn slave(gate: watch::Receiver<bool>) -> SlaveBuilder {
    let echo = |_: FunctionExecution, data: Payload| async move { Ok::<_, Failure>(data) };
    let gated = move |_: FunctionExecution, data: Payload| {
        let mut gate = gate.clone();
        async move {
            // A gate that is gone is open: the process ends.
            let _ = gate.wait_for(|open| *open).await;
            Ok::<_, Failure>(data)
        }
    };
    Slave::builder()
        .queue(QUEUE, GIB)
        .max_sessions(CONNECTIONS)
        .max_connections(CONNECTIONS, CONNECTIONS)
        .function("plain", echo)
        .function("inline", function(echo).inline())
        .function("gated", gated)
        .execution_log(LINES, GIB)
        .all_execution_logs(2 * GIB)
        .function("lines", lines)
}
