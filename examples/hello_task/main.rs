//! Starts one task on one slave, and prints the sum that comes back.

use std::error::Error;

use selsyn::{Failure, FunctionExecution, Master, Slave};

async fn add(_: FunctionExecution, (a, b): (i64, i64)) -> Result<i64, Failure> {
    Ok(a + b)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let slave = Slave::builder().function("add", add);
    let slave = slave.bind("127.0.0.1:0").await?.spawn();

    let master = Master::new()?;
    let connection = master.connect("hello", slave.addr().to_string()).await?;
    let running = connection
        .new_task((2, 3))?
        .function("add")
        .on_complete(|data, value| println!("on_complete: add {data} -> {value}"))
        .start()
        .await?;
    let sum: i64 = running.success().await?;
    println!("the sum is {sum}");

    master.close().await;
    slave.shutdown().await?;
    Ok(())
}
