//! Stops tasks in every way there is, and shows what comes of it and why.

mod slave;

use std::error::Error;
use std::sync::mpsc::{self, Sender};
use std::time::Duration;

use selsyn::{Connection, Master, RunningTask, Task, TaskEvent};

use slave::GRACE;

type Done<T = ()> = Result<T, Box<dyn Error>>;

/// A deadline that fires while the function runs.
const SHORT: Duration = Duration::from_millis(250);

#[tokio::main]
async fn main() -> Done {
    let (valve, held) = mpsc::channel();
    let slave = slave::open(held).await?;
    let address = slave.addr().to_string();
    let slave = slave.spawn();
    let master = Master::new()?;
    let stage = Stage { connection: master.connect("stage", &address).await?, valve };

    println!("== somebody cancels");
    stage.one_that_listens().await?;
    stage.one_whose_clean_up_fails().await?;
    stage.one_that_is_deaf().await?;
    stage.one_that_is_stuck().await?;
    stage.one_that_waits_in_the_queue().await?;
    stage.one_that_has_ended().await?;

    println!("== a deadline fires");
    stage.a_deadline_that_is_kept().await?;
    stage.a_deadline_and_one_that_listens().await?;
    stage.a_deadline_in_the_queue().await?;
    stage.a_deadline_and_one_that_is_stuck().await?;

    println!("== the connection ends");
    stage.a_goodbye().await?;

    master.close().await;
    slave.shutdown().await?;
    Ok(())
}

/// One connection to one slave with one slot for async functions.
struct Stage {
    connection: Connection,
    /// Lets a stuck function go.
    valve: Sender<()>,
}

impl Stage {
    fn task(&self, function: &str) -> Done<Task> {
        Ok(self.connection.new_task(())?.function(function))
    }

    async fn begun(&self, function: &str) -> Done<RunningTask> {
        let running = self.task(function)?.start().await?;
        begins(&running).await?;
        Ok(running)
    }

    /// Rung one: the function is asked. What it returns then is kept as a partial value.
    async fn one_that_listens(&self) -> Done {
        let running = self.begun("listen").await?;
        running.cancel("the user has changed their mind");
        tell("it listens", &running).await;
        Ok(())
    }

    /// An error after the request is the function's own failure, and told as one.
    async fn one_whose_clean_up_fails(&self) -> Done {
        let running = self.begun("clean_up").await?;
        running.cancel("enough");
        tell("it listens, and its clean-up fails", &running).await;
        Ok(())
    }

    /// Rung two: after the grace the future is dropped at its next await.
    async fn one_that_is_deaf(&self) -> Done {
        let running = self.begun("never_listen").await?;
        running.cancel("enough");
        tell("it does not listen, and is dropped after the grace", &running).await;
        Ok(())
    }

    /// Rung three: code that holds a thread cannot be dropped. It is stuck, and keeps its slot;
    /// its task goes on until it returns, however long that takes.
    async fn one_that_is_stuck(&self) -> Done {
        let running = self.begun("hold_a_thread").await?;
        running.cancel("enough");
        if running.join_timeout(GRACE * 3).await.is_err() {
            println!("it holds a thread: {} after the grace: stuck", running.status());
        }
        self.valve.send(())?;
        tell("the same, once it has returned", &running).await;
        Ok(())
    }

    /// What has not begun never begins: sending it again is safe.
    async fn one_that_waits_in_the_queue(&self) -> Done {
        let first = self.begun("listen").await?;
        let queued = self.task("listen")?.start().await?;
        queued.cancel("enough");
        tell("it waits in the queue", &queued).await;
        first.cancel("enough");
        first.join().await;
        Ok(())
    }

    /// A verdict is given once. The cancel comes too late and does nothing.
    async fn one_that_has_ended(&self) -> Done {
        let running = self.task("be_quick")?.start().await?;
        running.join().await;
        running.cancel("enough");
        tell("it has ended before", &running).await;
        Ok(())
    }

    /// A deadline that does not fire changes nothing.
    async fn a_deadline_that_is_kept(&self) -> Done {
        let running = self.task("be_quick")?.deadline(Duration::from_secs(60)).start().await?;
        tell("it is kept", &running).await;
        Ok(())
    }

    /// TIMED_OUT, whatever comes after it fired.
    async fn a_deadline_and_one_that_listens(&self) -> Done {
        let running = self.task("listen")?.deadline(SHORT).start().await?;
        tell("it listens", &running).await;
        Ok(())
    }

    /// It counts from `start()`: the queue is part of it.
    async fn a_deadline_in_the_queue(&self) -> Done {
        let first = self.begun("listen").await?;
        let queued = self.task("listen")?.deadline(SHORT).start().await?;
        tell("it waits in the queue", &queued).await;
        first.cancel("enough");
        first.join().await;
        Ok(())
    }

    /// Who sets a deadline wants an answer by then: a stuck one is told as timed out after its
    /// grace, with the word that its code is still running.
    async fn a_deadline_and_one_that_is_stuck(&self) -> Done {
        let running = self.task("hold_a_thread")?.deadline(SHORT).start().await?;
        tell("it holds a thread", &running).await;
        self.valve.send(())?;
        Ok(())
    }

    /// A goodbye stops what still runs; every task has its verdict when it returns.
    async fn a_goodbye(&self) -> Done {
        let running = self.begun("listen").await?;
        self.connection.disconnect().await?;
        tell("disconnect() while it runs", &running).await;
        Ok(())
    }
}

/// Waits until user code has begun.
async fn begins(running: &RunningTask) -> Done {
    let mut events = running.events();
    while let Some(event) = events.next().await {
        match event {
            TaskEvent::Running => return Ok(()),
            TaskEvent::Ended(outcome) => return Err(outcome.status.to_string().into()),
            _ => {}
        }
    }
    Err("it ended without a word".into())
}

/// Waits for the verdict, and shows all of it.
async fn tell(what: &str, running: &RunningTask) {
    let outcome = running.join().await;
    match outcome.result {
        Ok(value) => println!("{what}: {}, value {value}", outcome.status),
        Err(failure) => {
            println!("{what}: {}: {failure}", outcome.status);
            let partial = failure.partial.map(|value| format!(", partial value {value}"));
            let still = if failure.still_running { ", and its code still runs" } else { "" };
            println!("  {:?}, {}{still}{}", failure.kind, failure.ran, partial.unwrap_or_default());
        }
    }
}
