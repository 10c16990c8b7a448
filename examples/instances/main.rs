//! Lists, finds, waits for and stops the executions of a slave, as a user of PyODPS does with
//! instances: by their ids, from anywhere, whoever started them.

mod slave;

use std::error::Error;
use std::time::Duration;

use selsyn::{
    Control, ControlError, Execution, ExecutionId, ExecutionInfo, Master, StatusFilter, TaskId,
};

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// Longest wait for what takes milliseconds.
const LIMIT: Option<Duration> = Some(Duration::from_secs(10));

#[tokio::main]
async fn main() -> Done {
    let slave = slave::open().await?.spawn();
    let control = Master::new()?.control(slave.addr())?;

    // From here on everything that is known of the executions is their ids.
    let [count, copy, check] = start(&control).await?;
    list(&control).await?;
    exist(&control, count).await?;
    get(&control, copy).await?;
    wait(&control, count, copy, check).await?;
    stop(&control, copy).await?;

    slave.shutdown().await?;
    Ok(())
}

/// Starts three, and stays for none of them.
async fn start(control: &Control) -> Done<[ExecutionId; 3]> {
    println!("== start");
    let mut started = Vec::new();
    for (function, table) in [("count", "iris"), ("copy", "birds"), ("check", "wine")] {
        let instance = control.start(function, table)?.label(table).await?;
        println!("{function} of {table}");
        started.push(instance);
    }
    let [count, copy, check] = &started[..] else { return Err("three were started".into()) };
    // So that what is printed does not depend on who is quicker.
    count.wait(LIMIT).await?;
    check.wait(LIMIT).await?;
    copy.wait_until_running(LIMIT).await?;
    Ok([count, copy, check].map(Execution::id))
}

/// `list_instances()`: newest first, page by page, unseen.
async fn list(control: &Control) -> Done {
    println!("== list");
    for instance in control.list().await? {
        println!("{}", described(&instance));
    }
    let running = "running".parse::<StatusFilter>()?;
    println!("{} of mine running", control.list().status(running).mine().await?.len());
    if let Err(error) = "runing".parse::<StatusFilter>() {
        println!("{error}");
    }
    Ok(())
}

fn described(instance: &ExecutionInfo) -> String {
    let ExecutionInfo { function, labels, phase, status, .. } = instance;
    format!("{function} of {}: {phase}, {status}", labels.concat())
}

/// `exist_instance(id)`.
async fn exist(control: &Control, known: ExecutionId) -> Done {
    println!("== exist");
    println!("one that was started: {}", control.exists(known).await?);
    println!("one that was made up: {}", control.exists(made_up()).await?);
    Ok(())
}

fn made_up() -> ExecutionId {
    ExecutionId::first(TaskId::from_random([7; 16]))
}

/// `get_instance(id)`, `status`, `is_terminated`, `is_successful`.
async fn get(control: &Control, running: ExecutionId) -> Done {
    println!("== get");
    let instance = control.get(running).await?;
    println!("{}", described(&instance));
    println!("terminated: {}, successful: {:?}", instance.is_ended(), instance.is_successful());
    match control.get(made_up()).await {
        Err(ControlError::NotFound { .. }) => println!("one that was made up: not found, at once"),
        other => return Err(format!("{other:?}").into()),
    }
    Ok(())
}

/// `wait_for_success()`, `wait_for_completion(timeout=..)`.
async fn wait(
    control: &Control,
    count: ExecutionId,
    copy: ExecutionId,
    check: ExecutionId,
) -> Done {
    println!("== wait");
    let rows: u32 = control.wait_for_success(count, LIMIT).await?;
    println!("iris has {rows} rows");
    if let Err(ControlError::NotCompleted(failed)) =
        control.wait_for_success::<()>(check, LIMIT).await
    {
        println!("{} {}: {}", failed.function, failed.status, failed.failure);
    }
    let outcome = control.wait_for_completion(check, LIMIT).await?;
    println!("waited for its completion alone, it is no error: {}", outcome.status);
    let short = control.wait_for_completion(copy, Some(Duration::from_millis(50))).await;
    if let Err(ControlError::Elapsed { id, waited }) = short {
        let goes_on = !control.get(id).await?.is_ended();
        println!("not within {waited:?}; copy goes on: {goes_on}");
    }
    Ok(())
}

/// `stop_instance(id)`: only what runs can be stopped.
async fn stop(control: &Control, running: ExecutionId) -> Done {
    println!("== stop");
    control.stop(running, "the disk is full").await?;
    let outcome = control.wait_for_completion(running, LIMIT).await?;
    println!("copy of birds: {}", outcome.status);
    if let Some(failure) = outcome.failure() {
        println!("{failure}");
    }
    match control.stop(running, "once more").await {
        Err(ControlError::AlreadyTerminal { status, .. }) => {
            println!("stopped again: refused, as it has ended {status}");
        }
        other => return Err(format!("{other:?}").into()),
    }
    let instance = control.ensure_stopped(running, "to be sure").await?;
    println!("made sure that it is stopped: {}", instance.status);
    Ok(())
}
