//! Reads what was asked for on the command line.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::IN_FLIGHT;
use crate::Result;
use crate::client::Plan;
use crate::compare::Compare;
use crate::growth::Growth;
use crate::load::Load;
use crate::placement::Placement;
use crate::probe::Probe;

const USAGE: &str = "usage: selsyn-bench compare [--case NAME] [--quick] [--json FILE] \
    [--placement one-core|free|two-cores]\n       \
    selsyn-bench markdown --json FILE\n       selsyn-bench growth [--quick] [--svg FILE]\n       selsyn-bench load --tasks N \
    --side inline|plain|burst|bidi|unary|tarpc [--in-flight N] [--placement NAME]";

/// What the program shall be: the tool, or one of the processes it starts.
pub(crate) enum Command {
    Compare(Compare),
    /// A report as a page shows it.
    Markdown(PathBuf),
    Growth(Growth),
    Client(Plan),
    Server(Placement),
    Load(Load),
    Probe(Probe),
}

impl Command {
    pub(crate) fn from_args(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let role = arguments.next().ok_or(USAGE)?;
        let mut flags = Flags::read(arguments)?;
        let command = match role.as_str() {
            "compare" => Self::Compare(Compare {
                case: flags.text("case"),
                quick: flags.is_set("quick"),
                json: flags.text("json").map(PathBuf::from),
                placement: flags.parse("placement")?,
            }),
            "markdown" => Self::Markdown(flags.needed("json")?),
            "growth" => Self::Growth(Growth {
                quick: flags.is_set("quick"),
                svg: flags.text("svg").map(PathBuf::from),
            }),
            "client" => Self::Client(Plan {
                group: flags.needed("case")?,
                quick: flags.is_set("quick"),
                placement: flags.parse("placement")?.unwrap_or_default(),
            }),
            "server" => Self::Server(flags.parse("placement")?.unwrap_or_default()),
            "load" => Self::Load(Load {
                tasks: flags.parse("tasks")?.unwrap_or(1_000_000),
                side: flags.needed("side")?,
                in_flight: flags.parse("in-flight")?.unwrap_or(IN_FLIGHT),
                placement: flags.parse("placement")?.unwrap_or_default(),
            }),
            "probe" => {
                Self::Probe(Probe { what: flags.needed("what")?, count: flags.needed("count")? })
            }
            _ => return Err(USAGE.into()),
        };
        flags.nothing_left().map(|()| command)
    }
}

/// `--name value` pairs, and `--quick`.
struct Flags(HashMap<String, String>);

impl Flags {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let mut flags = HashMap::new();
        while let Some(flag) = arguments.next() {
            let name = flag.strip_prefix("--").ok_or(USAGE)?.to_owned();
            let value = if name == "quick" { Some(String::new()) } else { arguments.next() };
            flags.insert(name, value.ok_or(USAGE)?);
        }
        Ok(Self(flags))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn is_set(&mut self, name: &str) -> bool {
        self.text(name).is_some()
    }

    fn needed<T: std::str::FromStr>(&mut self, name: &str) -> Result<T>
    where
        T::Err: ToString,
    {
        self.parse(name)?.ok_or_else(|| USAGE.into())
    }

    fn parse<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>>
    where
        T::Err: ToString,
    {
        let value = self.text(name);
        let read = value.map(|value| value.parse().map_err(|error: T::Err| error.to_string()));
        read.transpose().map_err(|error| format!("--{name}: {error}").into())
    }

    fn nothing_left(&self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(USAGE.into()) }
    }
}
