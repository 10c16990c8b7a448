//! The slave processes: how they come up, and how none is left behind.
//!
//! A slave serves until its stdin ends. The pipe ends when the master closes it, and the system
//! closes it for a master that was killed. A master that fails kills its slaves as it drops them.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Done;

/// Time for a slave to say its address, and for all of them to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// A slave that was started.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) pid: u32,
}

/// All slave processes, each waited for by a task of its own. Dropping it kills them.
#[derive(Default)]
pub(crate) struct Fleet {
    stdins: Vec<ChildStdin>,
    processes: JoinSet<(String, io::Result<ExitStatus>)>,
}

impl Fleet {
    /// Starts this program once more as a slave, and waits until it listens.
    pub(crate) async fn start(&mut self, name: String) -> Done<Member> {
        let mut child = spawn(&name)?;
        let pid = child.id().unwrap_or_default();
        let said = match child.stdout.take() {
            Some(stdout) => timeout(PATIENCE, first_line(stdout)).await??,
            None => None,
        };
        let address = said.ok_or_else(|| format!("{name} ended before it said its address"))?;
        self.stdins.extend(child.stdin.take());
        let process = name.clone();
        self.processes.spawn(async move { (process, child.wait().await) });
        Ok(Member { name, address, pid })
    }

    /// Waits until a process has ended although nobody told it to; says which.
    pub(crate) async fn loss(&mut self) -> String {
        match self.processes.join_next().await {
            Some(Ok((name, Ok(status)))) => format!("{name} ended early: {status}"),
            Some(Ok((name, Err(error)))) => format!("{name} cannot be watched: {error}"),
            Some(Err(error)) => error.to_string(),
            None => "no slave is left".to_owned(),
        }
    }

    /// Ends every process in good order; kills those that do not end in time.
    pub(crate) async fn stop(mut self) -> Done {
        self.stdins.clear();
        let Ok(stopped) = timeout(PATIENCE, self.all_ended()).await else {
            self.processes.shutdown().await;
            return Err("not every slave ended in time; the others were killed".into());
        };
        stopped
    }

    async fn all_ended(&mut self) -> Done {
        while let Some(ended) = self.processes.join_next().await {
            match ended? {
                (_, Ok(status)) if status.success() => {}
                (name, Ok(status)) => return Err(format!("{name} failed: {status}").into()),
                (_, Err(error)) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn spawn(name: &str) -> Done<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["slave", name]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    // Ctrl-C reaches the whole group of a terminal: the master alone shall answer it.
    #[cfg(unix)]
    command.process_group(0);
    Ok(command.spawn()?)
}

/// What a slave says first: its address.
async fn first_line(stdout: ChildStdout) -> io::Result<Option<String>> {
    BufReader::new(stdout).lines().next_line().await
}
