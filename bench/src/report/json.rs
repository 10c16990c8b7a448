//! The report for tools.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Row;
use crate::Result;

const SCHEMA: &str = "selsyn.bench/1";

#[derive(Serialize, Deserialize)]
struct Report {
    schema: String,
    results: Vec<Row>,
}

/// Writes the report to a file.
pub(crate) fn write(rows: &[Row], file: &Path) -> Result<()> {
    let report = Report { schema: SCHEMA.to_owned(), results: rows.to_vec() };
    Ok(std::fs::write(file, serde_json::to_string_pretty(&report)? + "\n")?)
}

/// Reads a report from a file.
pub(crate) fn read(file: &Path) -> Result<Vec<Row>> {
    let report: Report = serde_json::from_str(&std::fs::read_to_string(file)?)?;
    if report.schema == SCHEMA {
        return Ok(report.results);
    }
    Err(format!("the report's schema is {}, not {SCHEMA}", report.schema).into())
}
