//! Who runs, where, by whose leave: FunctionGraph's context and CloudPSS's identity.

use std::time::Duration;

use selsyn_common::{TaskId, Token};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::FunctionExecution;
use crate::about::{Executor, FunctionInfo};
use crate::credentials::{Credentials, CredentialsRequest, NoCredentials};

/// Who runs, and where. Nothing of this is read before it is asked for.
impl FunctionExecution {
    /// FunctionGraph's request id: the task's (`getRequestID`; CloudPSS: `id`).
    pub fn request_id(&self) -> TaskId {
        self.task_id()
    }

    /// The slave that runs it (CloudPSS: `executorId`, `executorName`, `executorVersion`).
    pub fn executor(&self) -> &Executor {
        &self.record.function.executor
    }

    /// The address of a service that the slave's operator names, as `api` or `gql` (CloudPSS:
    /// `apiUrl`, `gqlUrl`); `None` when it names none.
    pub fn endpoint(&self, name: &str) -> Option<&str> {
        self.executor().endpoint(name)
    }

    /// What the function's registration says of it: version, alias, package, memory, CPU
    /// (`getVersion`, `getAlias`, `getPackage`, `getMemorySize`, `getCPUNumber`).
    pub fn function_info(&self) -> &FunctionInfo {
        &self.record.function.function.about
    }

    /// The time-out of the function's registration (`getRunningTimeInSeconds`); `None` without
    /// one. What is left of it, or of the caller's deadline, is [`remaining`](Self::remaining).
    pub fn timeout(&self) -> Option<Duration> {
        self.record.function.function.timeout
    }

    /// A value of the registration's user data (`getUserData`); `None` when there is none of this
    /// name.
    pub fn user_data(&self, key: &str) -> Option<&Value> {
        self.function_info().user_data.get(key)
    }

    /// A value of the registration's user data, read as `T`; `None` when there is none of this
    /// name.
    ///
    /// # Errors
    ///
    /// When it is of another type.
    pub fn user_data_as<T: DeserializeOwned>(
        &self,
        key: &str,
    ) -> Result<Option<T>, serde_json::Error> {
        self.user_data(key).map(T::deserialize).transpose()
    }

    /// The secret of this task, as the slave's [`CredentialsProvider`](crate::CredentialsProvider)
    /// gives it (CloudPSS: `token`). It shows itself in no log.
    pub fn token(&self) -> Option<Token> {
        self.executor().credentials.as_ref()?.task_token(&self.asking())
    }

    /// The secret of this function, as it was registered (CloudPSS: `functionToken`).
    pub fn function_token(&self) -> Option<&Token> {
        self.function_info().token.as_ref()
    }

    /// Credentials to act with, from the slave's
    /// [`CredentialsProvider`](crate::CredentialsProvider) (`getSecurityAccessKey`,
    /// `getSecuritySecretKey`, `getSecurityToken`).
    ///
    /// # Errors
    ///
    /// [`NoCredentials`] when the slave has no provider, or it gives none for this run.
    ///
    /// # Cancel safety
    ///
    /// As safe as the provider's own future.
    pub async fn credentials(&self) -> Result<Credentials, NoCredentials> {
        let provider = self.executor().credentials.as_ref().ok_or(NoCredentials::NoProvider)?;
        provider.credentials(self.asking()).await
    }

    fn asking(&self) -> CredentialsRequest {
        let (execution, function) = (self.id(), self.function().to_owned());
        CredentialsRequest { execution, function, peer: self.record.origin.peer.clone() }
    }
}
