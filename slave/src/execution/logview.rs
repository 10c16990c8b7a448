//! A run tells people where to look at it.

use std::io;

use selsyn_common::Logview;

use super::FunctionExecution;
use crate::logview::NoAddress;

/// For people.
impl FunctionExecution {
    /// An address at which people look at this run, for a day at most: to show in its log, or to send
    /// to somebody. Whoever has it may look, without a token. It is the same at each call, until half
    /// its time is over, it was revoked, or it gave way: a slave keeps 1,024 addresses, and where that
    /// is not enough, of those that runs make the one that runs out first gives way to another one, and
    /// to one that somebody asks for. A new call then gives a new one.
    ///
    /// It stands where the slave's operator says, by an endpoint of the name `logview`, or else where
    /// the slave listens. Where that says nothing to others, as with `0.0.0.0` or a pipe, it is the
    /// path alone.
    ///
    /// ```
    /// use selsyn_common::Failure;
    /// use selsyn_slave::FunctionExecution;
    ///
    /// async fn train(execution: FunctionExecution, _: ()) -> Result<(), Failure> {
    ///     if let Ok(logview) = execution.logview() {
    ///         execution.info(format_args!("look at me: {logview}"));
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes, or 1,024 addresses that people asked for are
    /// good still, of executions that are kept: go on without one.
    pub fn logview(&self) -> io::Result<Logview> {
        let executor = self.executor();
        let logs = &self.record.origin.logs;
        let made = executor.links.own(self.id(), logs.epoch().now(), |id| logs.keeps(id));
        let (path, valid) = made.map_err(|error| match error {
            NoAddress::NoRandom(error) => error,
            full @ NoAddress::Full { .. } => io::Error::new(io::ErrorKind::QuotaExceeded, full),
        })?;
        Ok(Logview::new(executor.pages() + &path, valid))
    }
}
