//! Why something cannot be shown.

use super::GridError;
use crate::ErrorCode;

/// Why something that a function gave cannot be shown. Nothing of it was.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// A progress value that is no number between 0 and 1.
    #[error("progress is a number between 0 and 1, not {0}")]
    Progress(f64),
    /// More was done than there is to do.
    #[error("progress cannot be {done} of {total}")]
    Counts {
        /// What is done.
        done: u64,
        /// What there is to do.
        total: u64,
    },
    /// A number that JSON has not, where [`NonFinite::Refuse`](super::NonFinite::Refuse) was asked
    /// for.
    #[error("{place} has a number that JSON has not: NaN or an infinity")]
    NonFinite {
        /// The attribute, column or layout.
        place: String,
    },
    /// A value that cannot be said in JSON.
    #[error("{place} cannot be said in JSON: {message}")]
    NotEncodable {
        /// The attribute, column or layout.
        place: String,
        /// What the encoder says.
        message: String,
    },
    /// A value of another shape than it must have.
    #[error("{place} has {wanted}")]
    Shape {
        /// The attribute, column or layout.
        place: String,
        /// What it has to be.
        wanted: &'static str,
    },
    /// A column that is shorter than another one.
    #[error("column {column:?} has {has} rows of {rows}")]
    Rows {
        /// The column.
        column: String,
        /// The rows it has.
        has: usize,
        /// The rows of the longest one.
        rows: usize,
    },
    /// A cell of another type than its column.
    #[error("row {row} of column {column:?} is not {wanted}")]
    Cell {
        /// The column.
        column: String,
        /// The row, from 0.
        row: usize,
        /// What it has to be.
        wanted: &'static str,
    },
    /// An item of a grid that has no area.
    #[error("the grid has no area {item:?}, only {areas}")]
    Area {
        /// The title of the item.
        item: String,
        /// The areas there are.
        areas: String,
    },
    /// A text that is no grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// A verb that outputs of this kind do not have.
    #[error("a {kind} has no verb {verb:?}")]
    Verb {
        /// The kind of output.
        kind: &'static str,
        /// The word that was given.
        verb: String,
    },
    /// A part, which `FunctionExecution::part` reports: it knows what may follow what.
    #[error("a part is not shown but reported, by FunctionExecution::part")]
    Part,
    /// JSON that is no envelope of an output.
    #[error("this is no output: {0}")]
    Envelope(String),
    /// One output that is nested deeper than readers of JSON read.
    #[error("a {kind} may be nested {limit} deep, and this one is {depth} deep")]
    TooDeep {
        /// The kind of output.
        kind: &'static str,
        /// Lists and objects in one another.
        depth: usize,
        /// The most there may be.
        limit: usize,
    },
    /// One output that is too large: show it in pieces, the later ones with
    /// [`Verb::Append`](super::Verb::Append).
    #[error(
        "a {kind} of {bytes} bytes is over the limit of {limit}: show it in pieces, and append them"
    )]
    TooLarge {
        /// The kind of output.
        kind: &'static str,
        /// Its size as JSON text.
        bytes: usize,
        /// The most there may be.
        limit: usize,
    },
}

impl OutputError {
    /// The code that people look up.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => ErrorCode::OutputTooLarge.as_str(),
            _ => ErrorCode::OutputInvalid.as_str(),
        }
    }
}
