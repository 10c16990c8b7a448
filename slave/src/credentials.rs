//! Where functions have credentials from.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use selsyn_common::{ErrorCode, ExecutionId, Token};

use crate::hooks::Peer;

/// A run asks for credentials.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CredentialsRequest {
    /// Which run.
    pub execution: ExecutionId,
    /// Its function.
    pub function: String,
    /// Whose task it is.
    pub peer: Peer,
}

/// Credentials of one run. None of the secrets shows itself in a log: read them with
/// [`Token::reveal`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// Names the holder.
    pub access_key: String,
    /// Proves it.
    pub secret_key: Token,
    /// Goes along with temporary keys.
    pub security_token: Option<Token>,
    /// How long they hold from now on; `None` when nobody says.
    pub expires_in: Option<Duration>,
}

impl Credentials {
    /// Credentials that hold for nobody knows how long.
    pub fn new(access_key: impl Into<String>, secret_key: Token) -> Self {
        let access_key = access_key.into();
        Self { access_key, secret_key, security_token: None, expires_in: None }
    }

    /// Adds the token of temporary keys.
    #[must_use]
    pub fn with_security_token(mut self, token: Token) -> Self {
        self.security_token = Some(token);
        self
    }

    /// Adds how long they hold from now on.
    #[must_use]
    pub const fn expiring_in(mut self, time: Duration) -> Self {
        self.expires_in = Some(time);
        self
    }
}

/// Why a run has no credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoCredentials {
    /// The slave has no provider: give it one with `SlaveBuilder::credentials`.
    #[error("the slave has no provider of credentials")]
    NoProvider,
    /// The provider gives none.
    #[error("the provider gives no credentials: {0}")]
    Refused(String),
}

impl NoCredentials {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        ErrorCode::SettingInvalid.as_str()
    }
}

/// A future that gives credentials, or says why not.
pub type GivesCredentials<'a> =
    Pin<Box<dyn Future<Output = Result<Credentials, NoCredentials>> + Send + 'a>>;

/// Gives functions their credentials, when they ask. Whether it asks a service each time or keeps
/// an answer for a while is its own affair.
///
/// ```
/// use selsyn_common::Token;
/// use selsyn_slave::{CredentialsRequest, Credentials, CredentialsProvider, GivesCredentials};
///
/// struct OfTheLab(Token);
///
/// impl CredentialsProvider for OfTheLab {
///     fn credentials(&self, request: CredentialsRequest) -> GivesCredentials<'_> {
///         Box::pin(async move { Ok(Credentials::new(request.function, self.0.clone())) })
///     }
/// }
/// ```
pub trait CredentialsProvider: Send + Sync + 'static {
    /// Gives a run its credentials. Runs where the function does.
    fn credentials(&self, request: CredentialsRequest) -> GivesCredentials<'_>;

    /// Gives a task the secret that stands for it (CloudPSS: the job's token); default none.
    fn task_token(&self, request: &CredentialsRequest) -> Option<Token> {
        let _ = request;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FunctionInfo;

    #[test]
    fn no_secret_shows_itself() {
        let secret = || Token::new("s3cret").unwrap();
        let credentials = Credentials::new("key", secret()).with_security_token(secret());
        let info = FunctionInfo { token: Some(secret()), ..FunctionInfo::default() };
        let shown = format!("{credentials:?} {info:?}");
        assert!(shown.contains("key") && !shown.contains("s3cret"), "{shown}");
    }
}
