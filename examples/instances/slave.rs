//! The slave: one function that ends soon, one that goes on until it is stopped, one that fails.

use selsyn::{BoundSlave, BuildError, Failure, FunctionExecution, Slave};

/// Opens the slave on a free port.
pub(crate) async fn open() -> Result<BoundSlave, BuildError> {
    Slave::builder()
        .function("count", count)
        .function("copy", copy)
        .function("check", check)
        .bind("127.0.0.1:0")
        .await
}

/// Says how many rows a table has.
async fn count(_: FunctionExecution, table: String) -> Result<u32, Failure> {
    if table == "iris" { Ok(150) } else { Err(format!("there is no table {table}").into()) }
}

/// Has more rows to copy than anybody waits for.
async fn copy(execution: FunctionExecution, table: String) -> Result<(), Failure> {
    execution.info(format_args!("copying {table}"));
    execution.cancelled().await;
    Ok(())
}

/// Finds what is wrong with a table.
async fn check(_: FunctionExecution, table: String) -> Result<(), Failure> {
    Err(format!("row 17 of {table} has no class").into())
}
