//! The other process: a slave and every yardstick's server, until standard input ends.

use std::io::Write as _;

use selsyn::{Failure, FunctionExecution, Payload, Slave, SlaveBuilder, function};
use tokio::io::AsyncReadExt;

use crate::Result;
use crate::placement::{Placement, Role};
use crate::process::Addresses;
use crate::yardstick::{echo, tarpc};

pub(crate) fn run(placement: Placement) -> Result<()> {
    placement.runtime(Role::Server)?.block_on(serve())
}

async fn serve() -> Result<()> {
    let slave = slave().bind("127.0.0.1:0").await?;
    let (echo, tarpc) = (echo::serve().await?, tarpc::serve().await?);
    let at = Addresses { slave: slave.addr(), echo, tarpc };
    let line = serde_json::to_string(&at)?;
    std::io::stdout().write_all(format!("{line}\n").as_bytes())?;
    let parent_gone = async { drop(tokio::io::stdin().read_to_end(&mut Vec::new()).await) };
    Ok(slave.serve_until(parent_gone).await?)
}

fn slave() -> SlaveBuilder {
    let echo = |_: FunctionExecution, data: Payload| async move { Ok::<_, Failure>(data) };
    Slave::builder().function("plain", echo).function("inline", function(echo).inline())
}
