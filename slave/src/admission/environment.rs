//! Whether the slave is ready to run: bluesky's environment, and the slave's own end.

use selsyn_common::{ErrorCode, ExecutionId, Refusal};

use super::Admission;

/// Whether anybody is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doors {
    /// Whoever there is a place for.
    Open,
    /// Nobody, and those inside are being stopped.
    Closing,
    /// Nobody, until it is opened again.
    Closed,
    /// Nobody any more.
    Draining,
}

impl Admission {
    /// Refuses everything from here on, until it is opened again. By force also where an execution
    /// is in front.
    pub(crate) fn begin_close(&mut self, by_force: bool) -> Result<(), Refusal> {
        if self.doors == Doors::Draining {
            return self.check_doors();
        }
        if let Some(holder) = self.foreground.filter(|_| !by_force) {
            let message = format!(
                "the slave has to be idle, and is executing_task: the foreground is taken by {holder}"
            );
            return Err(Refusal::because(ErrorCode::ForegroundBusy, message));
        }
        self.closers += 1;
        self.doors = Doors::Closing;
        self.call_back();
        Ok(())
    }

    /// One who closes has stopped everybody inside. Where several do, the last one shuts the doors.
    pub(crate) fn end_close(&mut self) {
        self.closers -= 1;
        if self.closers == 0 && self.doors == Doors::Closing {
            self.doors = Doors::Closed;
        }
    }

    /// Lets whoever there is a place for in again.
    pub(crate) fn open(&mut self) -> Result<(), Refusal> {
        match self.doors {
            Doors::Open => Ok(()),
            Doors::Closed => {
                self.doors = Doors::Open;
                Ok(())
            }
            Doors::Closing | Doors::Draining => self.check_doors(),
        }
    }

    /// Refuses where nobody is let in.
    pub(super) fn check_doors(&self) -> Result<(), Refusal> {
        let why = match self.doors {
            Doors::Open => return Ok(()),
            Doors::Draining => {
                return Err(Refusal::because(ErrorCode::Draining, "the slave is draining"));
            }
            Doors::Closing => "closing_environment",
            Doors::Closed => "closed",
        };
        let message = format!("the environment of the slave is not open: it is {why}");
        Err(Refusal::because(ErrorCode::EnvironmentNotOpen, message))
    }

    pub(crate) const fn doors(&self) -> Doors {
        self.doors
    }

    /// The execution in front.
    pub(crate) const fn foreground(&self) -> Option<ExecutionId> {
        self.foreground
    }

    /// Executions that have ended.
    pub(crate) fn completions(&self) -> u64 {
        self.completions + self.ended_under_leases()
    }
}
