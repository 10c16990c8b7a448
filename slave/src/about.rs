//! What a slave says of itself, and a registration of its function.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use selsyn_common::{SlaveId, Token};
use serde_json::{Map, Value};

use crate::credentials::CredentialsProvider;
use crate::logview::Links;

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
    /// Where the slave listens, if it does.
    pub(crate) listens: Option<SocketAddr>,
    /// The addresses at which people look at executions.
    pub(crate) links: Arc<Links>,
}

/// The name under which an operator says where people reach the slave's pages.
const PAGES: &str = "logview";

impl Executor {
    /// The address of a service that the operator names; `None` when it names none.
    pub fn endpoint(&self, name: &str) -> Option<&str> {
        self.endpoints.get(name).map(String::as_str)
    }

    /// What stands before the path of a page, as the operator says.
    pub(crate) fn named_pages(&self) -> Option<&str> {
        self.endpoint(PAGES).map(|base| base.trim_end_matches('/'))
    }

    /// What stands before the path of a page, as far as the slave knows: empty where it listens on all
    /// addresses of its machine, since nobody outside calls it by that.
    pub(crate) fn pages(&self) -> String {
        let listens = || Some(self.listens?).filter(|address| !address.ip().is_unspecified());
        let here = || listens().map(|address| format!("http://{address}"));
        self.named_pages().map(str::to_owned).or_else(here).unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(listens: Option<&str>, named: Option<&str>) -> String {
        let named = named.map(|named| (PAGES.to_owned(), named.to_owned()));
        let executor = Executor {
            id: SlaveId::from_random([0; 16]),
            name: String::new(),
            version: String::new(),
            endpoints: named.into_iter().collect(),
            credentials: None,
            listens: listens.map(|address| address.parse().unwrap()),
            links: Arc::default(),
        };
        executor.pages()
    }

    #[test]
    fn pages_stand_where_the_operator_says_or_where_others_reach_the_slave() {
        let named = pages(Some("10.0.4.12:7236"), Some("https://gpu-3.example/"));
        assert_eq!(named, "https://gpu-3.example");
        assert_eq!(pages(Some("10.0.4.12:7236"), None), "http://10.0.4.12:7236");
        assert_eq!(pages(Some("[::1]:9000"), None), "http://[::1]:9000");
        for nobody_knows in [Some("0.0.0.0:7236"), Some("[::]:7236"), None] {
            assert_eq!(pages(nobody_knows, None), "");
        }
    }
}
