//! What the slave of a soak can do.

use std::time::Duration;

use selsyn::{Failure, FunctionExecution, SlaveBuilder};
use selsyn_testing::functions;
use tokio::runtime::Handle;

/// Called on the runtime that serves.
pub(crate) fn build(slave: SlaveBuilder) -> SlaveBuilder {
    let serving = Handle::current();
    // Tasks of both runtimes: the one that serves and, where this runs, that of the functions.
    let tasks = move |_: FunctionExecution, (): ()| {
        let alive =
            serving.metrics().num_alive_tasks() + Handle::current().metrics().num_alive_tasks();
        async move { Ok::<_, Failure>(alive) }
    };
    functions::all(slave)
        .function("flood", functions::flood())
        .function("sleep", sleep)
        .function("tasks", tasks)
        // "sleep" hears of no deadline: it is dropped after the grace.
        .abort_grace(Duration::from_millis(100))
        // A visitor that is cut off in its goodbye leaves a result that nobody takes.
        .owner_patience(Duration::from_secs(15))
        .heartbeat_every(Duration::from_millis(200))
        .heartbeat_tolerance(Duration::from_secs(2))
}

async fn sleep(_: FunctionExecution, millis: u64) -> Result<u64, Failure> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    Ok(millis)
}
