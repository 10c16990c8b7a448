//! What the registration of a function says of it.

use std::sync::Arc;

use selsyn_common::Token;
use serde_json::{Map, Value};
use tracing::warn;

use super::Function;
use crate::about::FunctionInfo;

/// What the registration says of the function: see [`FunctionInfo`]. None of it is enforced.
impl Function {
    /// Names its version; default empty.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.about().version = version.into();
        self
    }

    /// Names the alias it is called by; default empty.
    #[must_use]
    pub fn alias(mut self, alias: impl Into<String>) -> Self {
        self.about().alias = alias.into();
        self
    }

    /// Names the package, or group, it belongs to; default empty.
    #[must_use]
    pub fn package(mut self, package: impl Into<String>) -> Self {
        self.about().package = package.into();
        self
    }

    /// States the memory it is allotted, in bytes; default nothing.
    #[must_use]
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.about().memory_limit = Some(bytes);
        self
    }

    /// States the CPU it is allotted, in thousandths of a core; default nothing.
    #[must_use]
    pub fn cpu_millis(mut self, millis: u32) -> Self {
        self.about().cpu_millis = Some(millis);
        self
    }

    /// Adds a value that the function finds by name (FunctionGraph: user data).
    #[must_use]
    pub fn user_data(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.about().user_data.insert(key.into(), value.into());
        self
    }

    /// Replaces the user data by the fields of a JSON object, as FunctionGraph delivers it. Of a
    /// text that is none, nothing is found, and a warning is logged: its content may be secret.
    #[must_use]
    pub fn user_data_json(mut self, text: &str) -> Self {
        self.about().user_data = serde_json::from_str(text).unwrap_or_else(|error| {
            warn!(line = error.line(), column = error.column(), "user data is no JSON object");
            Map::new()
        });
        self
    }

    /// Gives it a secret of its own (CloudPSS: `functionToken`).
    #[must_use]
    pub fn token(mut self, token: Token) -> Self {
        self.about().token = Some(token);
        self
    }

    fn about(&mut self) -> &mut FunctionInfo {
        Arc::make_mut(&mut self.about)
    }
}
