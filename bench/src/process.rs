//! The server as a process: its start, its addresses, and what it and the client cost.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;
use crate::placement::Placement;

/// Where the services of a server are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) slave: SocketAddr,
    pub(crate) echo: SocketAddr,
    pub(crate) tarpc: SocketAddr,
}

/// A server process; it ends with this value.
pub(crate) struct Server {
    pub(crate) at: Addresses,
    pub(crate) pid: u32,
    /// Its end closes the server's input, which ends it.
    _process: Child,
}

impl Server {
    /// Starts one, and waits until it listens.
    pub(crate) async fn start(placement: Placement) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["server", "--placement", placement.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let pid = process.id().ok_or("the server has ended")?;
        let output = process.stdout.take().ok_or("the server's output is piped")?;
        let line = BufReader::new(output).lines().next_line().await?;
        let at = serde_json::from_str(&line.ok_or("the server has ended")?)?;
        Ok(Self { at, pid, _process: process })
    }

    /// CPU seconds that this process and the server have used so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        Ok(cpu_of(std::process::id())? + cpu_of(self.pid)?)
    }
}

/// CPU seconds of a process: the sum over its threads, to the nanosecond.
pub(crate) fn cpu_of(pid: u32) -> Result<f64> {
    let mut nanoseconds = 0_u64;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        // A thread may end between the listing and the look.
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        nanoseconds += text.split(' ').next().unwrap_or_default().parse::<u64>()?;
    }
    Ok(nanoseconds as f64 / 1e9)
}
