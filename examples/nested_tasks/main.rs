//! A slave that is itself a master: one question goes down a tree of slaves, one answer comes up.

mod aggregator;
mod workers;

use std::error::Error;

use selsyn::{Connection, Failure, Master};

use workers::Workers;

type Done = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Done {
    let workers = Workers::start().await?;
    let aggregator = aggregator::start(&workers).await?;
    let master = Master::new()?;
    let top = master.connect("aggregator", aggregator.addr().to_string()).await?;

    one_answer(&top).await?;
    a_failure_with_its_path(&top).await?;
    a_cancel_that_goes_down(&top, &workers).await?;

    master.close().await;
    aggregator.shutdown().await?;
    workers.stop().await
}

/// The numbers are split over four workers, and their sums are added up.
async fn one_answer(top: &Connection) -> Done {
    println!("== one answer");
    let numbers: Vec<i64> = (1..=1000).collect();
    let running = top
        .new_task(numbers)?
        .function("sum")
        .on_log(|line| println!("log: {}", line.content))
        .start()
        .await?;
    let sum: i64 = running.success().await?;
    println!("the sum is {sum}");
    Ok(())
}

/// One worker cannot add what it is given; the trace says where that was.
async fn a_failure_with_its_path(top: &Connection) -> Done {
    println!("== a failure with its path");
    let mut numbers = vec![1; 8];
    numbers[5] = i64::MAX;
    let outcome = top.new_task(numbers)?.function("sum").start().await?.join().await;
    if let Some(failure) = outcome.failure() {
        tell(failure);
    }
    Ok(())
}

fn tell(failure: &Failure) {
    println!("message: {}", failure.message);
    if let Some(data) = &failure.data {
        println!("data: {data}");
    }
    // The line goes on with the id of the task, which is another one each time.
    let places = failure.trace.iter().filter_map(|line| line.split(" (task").next());
    println!("path: on aggregator, {}", places.collect::<Vec<_>>().join(", "));
}

/// The parent is cancelled, and its children with it.
async fn a_cancel_that_goes_down(top: &Connection, workers: &Workers) -> Done {
    println!("== a cancel that goes down");
    let running = top.new_task(())?.function("watch").start().await?;
    workers.all_watch().await;
    running.cancel("the day is over");
    let outcome = running.join().await;
    println!("aggregator: {}", outcome.status);
    println!("workers that were told: {}", workers.told());
    Ok(())
}
