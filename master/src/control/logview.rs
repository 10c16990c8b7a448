//! Makes addresses at which people look at executions, and takes them back.

use std::time::Duration;

use selsyn_common::proto::{self, MakeLogviewRequest, RevokeLogviewsRequest};
use selsyn_common::{Endpoint, ExecutionId, Logview};

use super::line::Ask;
use super::{Control, ControlError};

/// Puts the slave's answer together: the operator's word counts, then where it was dialled.
fn logview(reply: proto::Logview, dialled: &str) -> Logview {
    let proto::Logview { path, base, valid_seconds } = reply;
    let base = match dialled.parse::<Endpoint>() {
        Ok(endpoint) if base.is_empty() => format!("http://{}", endpoint.authority()),
        _ => base,
    };
    Logview::new(base + &path, Duration::from_secs(valid_seconds))
}

/// What the slave reads as its longest: whoever computed a time that came to nothing does not mean
/// that.
const AS_LONG_AS_MAY_BE: u64 = 0;

/// Rounded up: a part of a second is one.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// Addresses for people.
impl Control {
    /// Makes an address at which people look at an execution for a day (PyODPS:
    /// `get_logview_address`). The slave keeps it in memory, and as long as the execution is kept: for
    /// its time, whoever asks for addresses of others. It keeps 1,024, of each execution 32 that were
    /// asked for: one more takes the place of the one among them that runs out first.
    ///
    /// It stands on the slave's own port, where this program dials it; or where the slave's operator
    /// says, by an endpoint of the name `logview`.
    ///
    /// # Errors
    ///
    /// [`ControlError::Rejected`] with the code E0311 when the slave keeps as many as it may, all asked
    /// for and good still: those go on; its pause is the time until one runs out. Revoke those that
    /// nobody needs, or ask for [shorter ones](Self::logview_for). Otherwise as for
    /// [`get`](Self::get).
    ///
    /// # Cancel safety
    ///
    /// Safe to drop: an address that nobody was told holds its place until it runs out or gives way.
    pub async fn logview(&self, id: ExecutionId) -> Result<Logview, ControlError> {
        self.make_logview(id, AS_LONG_AS_MAY_BE).await
    }

    /// As [`logview`](Self::logview), for so long, counted in whole seconds: a day at most.
    ///
    /// # Errors
    ///
    /// [`ControlError::LogviewForNoTime`] for zero: name a second or more, or call
    /// [`logview`](Self::logview). Otherwise as there.
    ///
    /// # Cancel safety
    ///
    /// As for [`logview`](Self::logview).
    pub async fn logview_for(
        &self,
        id: ExecutionId,
        valid: Duration,
    ) -> Result<Logview, ControlError> {
        match whole_seconds(valid) {
            AS_LONG_AS_MAY_BE => Err(ControlError::LogviewForNoTime { id }),
            seconds => self.make_logview(id, seconds).await,
        }
    }

    async fn make_logview(
        &self,
        id: ExecutionId,
        valid_seconds: u64,
    ) -> Result<Logview, ControlError> {
        let request = MakeLogviewRequest { execution: Some(id.into()), valid_seconds };
        let ask: Ask<_, _> = |mut slave, it| Box::pin(async move { slave.make_logview(it).await });
        let reply = self.call(Some(id), Duration::ZERO, request, ask).await?;
        Ok(logview(reply, self.address()))
    }

    /// Makes every address of an execution that was made so far lead nowhere, and lets go of those
    /// who look; gives how many there were.
    ///
    /// # Errors
    ///
    /// As for [`functions`](Self::functions).
    ///
    /// # Cancel safety
    ///
    /// Dropping it may leave the wish on its way.
    pub async fn revoke_logviews(&self, id: ExecutionId) -> Result<u32, ControlError> {
        let request = RevokeLogviewsRequest { execution: Some(id.into()) };
        let ask: Ask<_, _> =
            |mut slave, it| Box::pin(async move { slave.revoke_logviews(it).await });
        Ok(self.call(Some(id), Duration::ZERO, request, ask).await?.revoked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(base: &str, dialled: &str) -> String {
        let (path, base) = ("/logview/5ec2e7".to_owned(), base.to_owned());
        logview(proto::Logview { path, base, valid_seconds: 60 }, dialled).to_string()
    }

    #[test]
    fn the_operators_word_counts_then_where_it_was_dialled_then_the_path_is_all_there_is() {
        let named = told("https://gpu-3.example", "127.0.0.1:7236");
        assert_eq!(named, "https://gpu-3.example/logview/5ec2e7");
        assert_eq!(told("", "[::1]:9000"), "http://[::1]:9000/logview/5ec2e7");
        assert_eq!(told("", "its own dial"), "/logview/5ec2e7");
    }
}
