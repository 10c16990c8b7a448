//! Slaves in processes of their own, which a test can freeze, kill and start again. Unix only.

mod report;
mod role;

use std::io;
use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::expect::LIMIT;
use report::Report;

/// A slave in a process of its own: the test's own program, started again.
///
/// The program needs one test that is the slave. Run with the others it does nothing; a process
/// that a `SlaveProcess` starts runs it and nothing else. What it writes to standard error is
/// kept, and printed when the test fails. It is killed with the value, and ends with the program
/// that started it.
///
/// ```no_run
/// use selsyn_testing::{SlaveProcess, functions};
///
/// #[test]
/// fn as_a_slave() {
///     SlaveProcess::serve_if_asked(|slave| slave.function("echo", functions::echo()));
/// }
///
/// #[tokio::test]
/// async fn a_test() -> Result<(), Box<dyn std::error::Error>> {
///     let mut slave = SlaveProcess::start(as_a_slave).await?;
///     let master = selsyn::Master::new()?;
///     let connection = master.connect("slave", slave.address()).await?;
///     slave.kill().await?;
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[derive(Debug)]
#[must_use = "dropping it kills the process"]
pub struct SlaveProcess {
    arguments: Vec<String>,
    address: SocketAddr,
    child: Child,
    report: Report,
}

/// Why a slave process did not come up, or could not be told something.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The program could not be started again.
    #[error("the program cannot be started again: {0}")]
    Start(#[source] io::Error),
    /// It ended before it served, or said nothing in time; its standard error is told.
    #[error(
        "the process with the arguments {arguments:?} served no slave: they must lead to a call of SlaveProcess::serve_if_asked, as the name of a `#[test]` function does that makes it; it said: {}",
        if stderr.is_empty() { "nothing" } else { stderr }
    )]
    NotServing {
        /// What it was started with.
        arguments: Vec<String>,
        /// The last lines of its standard error.
        stderr: String,
    },
    /// It has ended: nothing can be told to it.
    #[error("the slave process has ended")]
    Ended,
    /// A signal could not be sent, or its end not be waited for.
    #[error("the slave process cannot be told: {0}")]
    Tell(#[source] io::Error),
}

impl SlaveProcess {
    /// Serves a slave with what `build` adds to it, if this process was started to be one; returns
    /// when it is told to end. Otherwise does nothing. Says which.
    ///
    /// SIGTERM drains the slave as `serve_until` does.
    ///
    /// # Panics
    ///
    /// When the slave cannot be built or its transport fails: the process that started this one
    /// prints it.
    pub fn serve_if_asked(
        build: impl FnOnce(selsyn::SlaveBuilder) -> selsyn::SlaveBuilder,
    ) -> bool {
        role::serve_if_asked(build)
    }

    /// Starts a slave by the test that is one: a plain `#[test]` function, named by itself.
    ///
    /// # Errors
    ///
    /// [`ProcessError`] when the process does not come up within 30 s; its standard error is part
    /// of the message.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future kills the process.
    pub async fn start<F: Fn()>(test: F) -> Result<Self, ProcessError> {
        Self::start_named(&test_name(test)).await
    }

    /// Starts a slave by the name of the test that is one, as the test harness prints it:
    /// `module::as_a_slave`.
    ///
    /// # Errors
    ///
    /// As for [`Self::start`].
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::start`].
    pub async fn start_named(test: &str) -> Result<Self, ProcessError> {
        Self::start_with([test, "--exact", "--nocapture", "--test-threads=1"]).await
    }

    /// Starts a slave in a program that is no test: with these arguments it must come to
    /// [`Self::serve_if_asked`].
    ///
    /// # Errors
    ///
    /// As for [`Self::start`].
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::start`].
    pub async fn start_with(
        arguments: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, ProcessError> {
        let arguments: Vec<String> = arguments.into_iter().map(Into::into).collect();
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let (child, address, report) = spawn(&arguments, any_port).await?;
        Ok(Self { arguments, address, child, report })
    }

    /// Where it listens; the same after a restart.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id; `None` when it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// The last lines that it wrote to standard error, over all its lives.
    pub fn stderr(&self) -> String {
        self.report.to_string()
    }

    /// Kills it (SIGKILL) and waits for its end; nothing happens when it has ended.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Tell`] when the system refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves it killed.
    pub async fn kill(&mut self) -> Result<(), ProcessError> {
        self.child.kill().await.map_err(ProcessError::Tell)
    }

    /// Freezes it (SIGSTOP): it does nothing until it is thawed, and its sockets stay open.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Ended`] when it has ended.
    pub fn freeze(&self) -> Result<(), ProcessError> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    ///
    /// [`ProcessError::Ended`] when it has ended.
    pub fn thaw(&self) -> Result<(), ProcessError> {
        self.signal(Signal::CONT)
    }

    /// Asks it to end in good order (SIGTERM): it drains. See [`Self::ended`].
    ///
    /// # Errors
    ///
    /// [`ProcessError::Ended`] when it has ended.
    pub fn terminate(&self) -> Result<(), ProcessError> {
        self.signal(Signal::TERM)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    ///
    /// [`ProcessError::Tell`] when the system does not say.
    ///
    /// # Cancel safety
    ///
    /// Safe to drop and to call again.
    pub async fn ended(&mut self) -> Result<ExitStatus, ProcessError> {
        self.child.wait().await.map_err(ProcessError::Tell)
    }

    /// Starts it again on the same address, after killing it if it lives: another life of the
    /// slave, which knows nothing of the former.
    ///
    /// # Errors
    ///
    /// As for [`Self::start`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves it killed.
    pub async fn restart(&mut self) -> Result<(), ProcessError> {
        self.kill().await?;
        let (child, _, report) = spawn(&self.arguments, self.address).await?;
        self.child = child;
        report.follow(&self.report);
        self.report = report;
        Ok(())
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        kill_process(pid.ok_or(ProcessError::Ended)?, signal)
            .map_err(|error| ProcessError::Tell(error.into()))
    }
}

/// The name the harness knows a test by: its path without the crate.
pub(crate) fn test_name<F: Fn()>(_: F) -> String {
    let path = std::any::type_name::<F>();
    path.split_once("::").map_or(path, |(_, name)| name).to_owned()
}

async fn spawn(
    arguments: &[String],
    address: SocketAddr,
) -> Result<(Child, SocketAddr, Report), ProcessError> {
    let program = std::env::current_exe().map_err(ProcessError::Start)?;
    let mut child = Command::new(program)
        .args(arguments)
        .env(role::ASKED, address.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(ProcessError::Start)?;
    let report = Report::of(child.stderr.take().expect("standard error is piped"));
    let output = child.stdout.take().expect("standard output is piped");
    match timeout(LIMIT, serving_at(output)).await {
        Ok(Some(address)) => Ok((child, address, report)),
        _ => {
            let _ = child.kill().await;
            // What it said last is the reason.
            let stderr = report.complete().await;
            Err(ProcessError::NotServing { arguments: arguments.to_vec(), stderr })
        }
    }
}

/// Reads the address that the process tells; goes on reading, so that it never blocks on a full
/// pipe.
async fn serving_at(output: ChildStdout) -> Option<SocketAddr> {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = line.strip_prefix(role::SERVING) {
            let address = address.parse().ok()?;
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Some(address);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_is_named_as_the_harness_names_it() {
        let name = test_name(a_test_is_named_as_the_harness_names_it);
        assert_eq!(name, "process::tests::a_test_is_named_as_the_harness_names_it");
    }
}
