//! The server as a process: its start, its addresses, and what it and the client cost.

use std::fs;
use std::net::SocketAddr;
use std::process::Stdio;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::Result;
use crate::placement::Placement;

/// Where the services of a server are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) slave: SocketAddr,
    pub(crate) echo: SocketAddr,
    pub(crate) tarpc: SocketAddr,
    pub(crate) tuned: SocketAddr,
    pub(crate) tcp: SocketAddr,
    /// Of a broker that this process has started, and that the server answers at.
    #[serde(skip)]
    pub(crate) nats: Option<SocketAddr>,
}

/// A server process; it ends with this value.
pub(crate) struct Server {
    pub(crate) at: Addresses,
    pub(crate) pid: u32,
    /// Its end closes the server's input, which ends it.
    process: Child,
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
        Ok(Self { at, pid, process })
    }

    /// Ends it in good order, and waits until it has ended: a profiler writes what it saw then.
    pub(crate) async fn end(mut self) -> Result<()> {
        drop(self.process.stdin.take());
        let ended = self.process.wait().await?;
        if ended.success() { Ok(()) } else { Err(format!("the server ended with {ended}").into()) }
    }

    /// Lets the tasks end that wait for it.
    pub(crate) async fn open_gate(&mut self) -> Result<()> {
        self.tell("open\n").await
    }

    /// Lets it answer at a broker.
    pub(crate) async fn answer_at(&mut self, broker: SocketAddr) -> Result<()> {
        self.at.nats = Some(broker);
        self.tell(&format!("nats {broker}\n")).await
    }

    async fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.process.stdin.as_mut().ok_or("the server's input is piped")?;
        Ok(input.write_all(line.as_bytes()).await?)
    }

    /// CPU seconds that this process and the server have used so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        Ok(cpu_of(std::process::id())? + cpu_of(self.pid)?)
    }
}

/// Takes as many open files as the system lets it: a connection is one.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // A limit that stays low shows as connections that fail.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// How many connections a process may have: each is an open file, and some are in use.
pub(crate) fn most_connections() -> usize {
    let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(files).unwrap_or(usize::MAX).saturating_sub(100)
}

/// Memory of a process that is really there, in bytes.
pub(crate) fn rss_of(pid: u32) -> Result<f64> {
    memory_of(pid, "VmRSS:")
}

/// The most memory of a process that was ever really there, in bytes.
pub(crate) fn peak_of(pid: u32) -> Result<f64> {
    memory_of(pid, "VmHWM:")
}

fn memory_of(pid: u32, field: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib = kib.ok_or_else(|| format!("no {field}"))?;
    Ok(kib.parse::<f64>()? * 1024.0)
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
