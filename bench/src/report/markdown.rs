//! The report for a page.

use std::path::Path;

use super::json;
use super::table::{HEAD, cells};
use crate::Result;

/// Makes a table for each placement of a report that was written as JSON.
pub(crate) fn of_file(file: &Path) -> Result<String> {
    let rows = json::read(file)?;
    let tables = rows.chunk_by(|one, next| one.placement == next.placement).map(|of_one| {
        let rows: String = of_one.iter().map(|row| line(cells(row))).collect();
        let under = line(HEAD.map(|_| "---".to_owned()));
        format!("Placement {}:\n\n{}{under}{rows}", of_one[0].placement, line(heads()))
    });
    Ok(tables.collect::<Vec<_>>().join("\n"))
}

fn heads() -> [String; HEAD.len()] {
    HEAD.map(str::to_owned)
}

fn line(cells: [String; HEAD.len()]) -> String {
    format!("| {} |\n", cells.join(" | "))
}
