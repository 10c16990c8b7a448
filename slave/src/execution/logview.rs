//! A run tells people where to look at it.

use std::io;

use selsyn_common::Logview;

use super::FunctionExecution;

/// For people.
impl FunctionExecution {
    /// An address at which people look at this run, for half a day at least and a day at most: to
    /// show in its log, or to send to somebody. It is the same at each call, until half its time is
    /// over or it was revoked. Whoever has it may look, without a token.
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
    ///     execution.info(format_args!("look at me: {}", execution.logview()?));
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// When the operating system gives no random bytes.
    pub fn logview(&self) -> io::Result<Logview> {
        let executor = self.executor();
        let now = self.record.origin.logs.epoch().now();
        let (path, valid) = executor.links.own(self.id(), now)?;
        Ok(Logview::new(executor.pages() + &path, valid))
    }
}
