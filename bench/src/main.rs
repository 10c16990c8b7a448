//! Measures what a task costs, side by side with the raw wire, in interleaved rounds.
//!
//! `cargo run --release -p selsyn-bench -- compare [--case NAME] [--quick] [--json FILE]
//! [--placement one-core|free|two-cores]`. The program starts itself again: as one client for each
//! case and placement, and as the server that holds the slave and every yardstick. Linux only: it
//! pins processes to cores and reads `/proc`.
//!
//! `markdown --json FILE` shows such a report as tables for a page.
//!
//! `growth [--quick] [--svg FILE]` sweeps tasks, connections and payload size over three decades and
//! says what each unit costs.
//!
//! `load --tasks N --side inline|plain|burst|bidi|unary|tarpc|bulk|bulk-tcp|bulk-1m|tuned-unary-1m`
//! runs one load alone, for a profiler; tasks of the bulk ones carry 64 MiB each.

mod arguments;
mod case;
mod client;
mod compare;
mod growth;
mod load;
mod ours;
mod placement;
mod probe;
mod process;
mod progress;
mod report;
mod rounds;
mod server;
mod yardstick;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;

use arguments::Command;

/// What goes wrong here is told to a person.
pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

/// Payload of a small task, each way, in bytes.
pub(crate) const PAYLOAD: usize = 64;

/// Tasks in flight in the cases that are named for a thousand.
pub(crate) const IN_FLIGHT: usize = 1_000;

/// Connections that are dialled at once, by us and by the yardstick.
pub(crate) const DIALS: usize = 256;

fn main() -> ExitCode {
    process::raise_file_limit();
    match Command::from_args(std::env::args().skip(1)).and_then(run) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            progress::say(&format!("selsyn-bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked; says whether all of it could be done.
fn run(command: Command) -> Result<bool> {
    match command {
        Command::Compare(what) => compare::run(&what),
        Command::Markdown(file) => show(&report::markdown::of_file(&file)?).map(|()| true),
        Command::Growth(what) => growth::run(&what).map(|()| true),
        Command::Client(plan) => client::run(&plan).map(|()| true),
        Command::Server(placement) => server::run(placement).map(|()| true),
        Command::Probe(what) => probe::run(&what).map(|()| true),
        Command::Load(what) => load::run(&what).map(|()| true),
    }
}

/// Writes a result.
fn show(text: &str) -> Result<()> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}
