//! The slave: functions that take a request to stop well, badly, or not at all.

use std::sync::Mutex;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use selsyn::{BoundSlave, BuildError, Failure, FunctionExecution, Slave, blocking};

/// Time between the request to stop and the forced stop. The default is 5 s: a function may need
/// it to save what it has.
pub(crate) const GRACE: Duration = Duration::from_millis(200);

/// Opens the slave on a free port; `held` lets `hold_a_thread` go, one run for each message.
pub(crate) async fn open(held: Receiver<()>) -> Result<BoundSlave, BuildError> {
    let held = Mutex::new(held);
    Slave::builder()
        .abort_grace(GRACE)
        // One at a time, so that a second one waits in the queue.
        .slots(1)
        .function("listen", listen)
        .function("clean_up", clean_up)
        .function("never_listen", never_listen)
        .function("be_quick", be_quick)
        .function("hold_a_thread", blocking(move |_, (): ()| hold_a_thread(&held)))
        .bind("127.0.0.1:0")
        .await
}

/// Does its work until it is done or asked to stop, and gives back what it has by then.
async fn listen(execution: FunctionExecution, (): ()) -> Result<&'static str, Failure> {
    tokio::select! {
        () = work() => Ok("everything"),
        () = execution.cancelled() => Ok("half of it"),
    }
}

/// Listens, and then cannot do what it wants to do before it ends.
async fn clean_up(execution: FunctionExecution, (): ()) -> Result<(), Failure> {
    execution.cancelled().await;
    Err(Failure::new("the checkpoint cannot be written"))
}

/// Never looks whether it is asked to stop.
async fn never_listen(_: FunctionExecution, (): ()) -> Result<(), Failure> {
    work().await;
    Ok(())
}

/// Ends at once.
async fn be_quick(_: FunctionExecution, (): ()) -> Result<&'static str, Failure> {
    Ok("done")
}

/// Waits for something that knows nothing of tasks: a driver, a lock, a foreign library.
fn hold_a_thread(held: &Mutex<Receiver<()>>) -> Result<&'static str, Failure> {
    let held = held.lock().map_err(|_| "another run has panicked")?;
    held.recv()?;
    Ok("at last")
}

/// More work than anybody waits for.
async fn work() {
    std::future::pending().await
}
