//! The node in the middle: the slave of one master, and the master of four slaves.

use std::error::Error;

use selsyn::{Failure, FunctionExecution, Group, Master, Slave, SlaveHandle};

use crate::workers::Workers;

pub(crate) async fn start(workers: &Workers) -> Result<SlaveHandle, Box<dyn Error>> {
    let master = Master::new()?;
    for (number, worker) in workers.slaves.iter().enumerate() {
        master.connect(format!("worker-{number}"), worker.addr().to_string()).await?;
    }
    let all = master.group(["worker-0", "worker-1", "worker-2", "worker-3"])?;
    // The functions hold the connections, which live for as long as somebody does.
    let (sums, watches) = (all.clone(), all);
    let slave = Slave::builder()
        .function("sum", move |execution, numbers| sum(execution, numbers, sums.clone()))
        .function("watch", move |execution, ()| watch(execution, watches.clone()));
    Ok(slave.bind("127.0.0.1:0").await?.spawn())
}

/// Gives each worker its share, and adds up what comes back.
async fn sum(execution: FunctionExecution, numbers: Vec<i64>, all: Group) -> Result<i64, Failure> {
    let share = numbers.len().div_ceil(all.connections().len()).max(1);
    let mut shares = numbers.chunks(share);
    let task = all.new_tasks(|_| shares.next().unwrap_or_default())?.function("sum");
    let running = task.child_of(execution.context()).start().await;
    let sums: Vec<i64> = running.success().await?;
    execution.info(format_args!("the workers' sums: {sums:?}"));
    Ok(sums.iter().sum())
}

/// Lets all workers watch. Nobody passes the cancel on: the children hear of it by themselves.
async fn watch(execution: FunctionExecution, all: Group) -> Result<(), Failure> {
    let task = all.new_task(())?.function("watch").child_of(execution.context());
    task.start().await.success::<()>().await?;
    Ok(())
}
