//! Grows tasks, connections and payloads, and shows what each unit costs.

mod axis;
mod counts;
mod panel;
mod plot;
mod sweep;
mod table;

use std::io::Write as _;
use std::path::PathBuf;

use tokio::runtime::Builder;

use crate::Result;
use crate::progress::say;
use sweep::Sweep;

/// How the growth shall be shown.
pub(crate) struct Growth {
    pub(crate) quick: bool,
    pub(crate) svg: Option<PathBuf>,
}

/// Runs every sweep; prints a table of each, and draws them where that was asked for.
pub(crate) fn run(what: &Growth) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut swept = Vec::new();
    for sweep in Sweep::all(what.quick) {
        say(&format!("{}:", sweep.title));
        swept.push(runtime.block_on(sweep.run(what.quick))?);
    }
    for sweep in &swept {
        std::io::stdout().write_all(table::render(sweep).as_bytes())?;
    }
    if let Some(file) = &what.svg {
        std::fs::write(file, plot::render(&swept))?;
    }
    Ok(())
}
