//! What a slave says of itself, and a registration of its function.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use selsyn_common::{SlaveId, Token};
use serde_json::{Map, Value};

use crate::credentials::CredentialsProvider;

/// The slave, as its functions see it (CloudPSS: the executor).
#[non_exhaustive]
pub struct Executor {
    /// Which slave; a new id at every boot.
    pub id: SlaveId,
    /// Its name; empty when its operator gave it none.
    pub name: String,
    /// Its version; empty when its operator gave it none.
    pub version: String,
    pub(crate) endpoints: BTreeMap<String, String>,
    pub(crate) credentials: Option<Arc<dyn CredentialsProvider>>,
}

impl Executor {
    /// The address of a service that the operator names; `None` when it names none.
    pub fn endpoint(&self, name: &str) -> Option<&str> {
        self.endpoints.get(name).map(String::as_str)
    }
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("version", &self.version)
            .field("endpoints", &self.endpoints)
            .finish_non_exhaustive()
    }
}

/// What a function's registration says of it. Texts are empty, and numbers `None`, where it says
/// nothing.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct FunctionInfo {
    /// Its version.
    pub version: String,
    /// The alias it is called by.
    pub alias: String,
    /// The package, or group, it belongs to.
    pub package: String,
    /// Memory it is allotted, in bytes: told to the function and in each summary, not enforced, as
    /// functions of one process share its memory.
    pub memory_limit: Option<u64>,
    /// CPU it is allotted, in thousandths of a core: told, not enforced.
    pub cpu_millis: Option<u32>,
    pub(crate) user_data: Map<String, Value>,
    pub(crate) token: Option<Token>,
}

/// Shows neither the token nor the user data, which may be as secret.
impl fmt::Debug for FunctionInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FunctionInfo")
            .field("version", &self.version)
            .field("alias", &self.alias)
            .field("package", &self.package)
            .field("memory_limit", &self.memory_limit)
            .field("cpu_millis", &self.cpu_millis)
            .finish_non_exhaustive()
    }
}
