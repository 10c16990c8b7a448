//! The report for tools.

use std::path::Path;

use serde::Serialize;

use super::Row;
use crate::Result;

#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    results: &'a [Row],
}

/// Writes the report to a file.
pub(crate) fn write(rows: &[Row], file: &Path) -> Result<()> {
    let report = Report { schema: "selsyn.bench/1", results: rows };
    Ok(std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?)
}
