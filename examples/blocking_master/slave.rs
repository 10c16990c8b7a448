//! The slave's role, in a process of its own: four functions, until stdin ends.

use std::io::{self, Write};
use std::thread;

use selsyn::{Failure, FunctionExecution, Slave, blocking};
use tokio::sync::oneshot;

use crate::Done;

/// How many primes there are up to a limit: work for a thread, not for the runtime.
fn primes(_: FunctionExecution, limit: u64) -> Result<usize, Failure> {
    let is_prime = |n: &u64| (2..*n).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    Ok((2..=limit).filter(is_prime).count())
}

async fn square(_: FunctionExecution, number: u64) -> Result<u64, Failure> {
    Ok(number * number)
}

async fn count_down(execution: FunctionExecution, from: u32) -> Result<(), Failure> {
    for left in (0..from).rev() {
        execution.info(format_args!("{left} left"));
        execution.progress(1.0 - f64::from(left) / f64::from(from))?;
    }
    Ok(())
}

async fn wait(execution: FunctionExecution, (): ()) -> Result<(), Failure> {
    execution.cancelled().await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn run() -> Done {
    let slave = Slave::builder()
        .function("primes", blocking(primes))
        .function("square", square)
        .function("count_down", count_down)
        .function("wait", wait)
        .bind("127.0.0.1:0")
        .await?;
    writeln!(io::stdout(), "{}", slave.addr())?;
    slave.serve_until(end_of_stdin()).await?;
    Ok(())
}

/// Reads on a thread that nobody joins: a runtime's own would hold up the end of the process.
async fn end_of_stdin() {
    let (ended, end) = oneshot::channel();
    thread::spawn(move || {
        // An error is an end, too.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = ended.send(());
    });
    // The thread always sends; if it could not be made, there is nothing to wait for.
    let _ = end.await;
}
