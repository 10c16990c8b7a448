//! A table.

use serde::{Deserialize, Serialize};

use super::value::NonFinite;
use super::{Column, OutputError, Verb};

/// A table, or rows for one: columns of one length, each of one type.
///
/// Serialises as the data of CloudPSS's envelope, without key and verb.
///
/// ```
/// use selsyn_common::{Column, Table, Verb};
///
/// let row = |epoch: u32, loss: f64| {
///     let table = Table::new().key("epochs").verb(Verb::Append);
///     table.column(Column::number("epoch", [epoch])).column(Column::number("loss", [loss]))
/// };
/// assert_eq!(row(1, 0.9).rows(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Table {
    /// Names the table, so that a later output acts on it; default none.
    #[serde(skip)]
    pub key: Option<String>,
    /// What it does to the table of the same key; default [`Verb::Replace`].
    #[serde(skip)]
    pub verb: Verb,
    /// The text above it; default empty, which leaves the earlier one where it joins on.
    #[serde(default)]
    pub title: String,
    /// Its columns, which are matched by their position in this list.
    #[serde(default)]
    pub columns: Vec<Column>,
    #[serde(skip)]
    non_finite: NonFinite,
}

impl Table {
    pub(super) const VERBS: &[Verb] = &[Verb::Replace, Verb::Append, Verb::Prepend];

    /// A table without columns and without a key.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the table, so that a later output with the same key acts on it.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// What it does to the table of the same key: `Replace`, `Append` or `Prepend`.
    #[must_use]
    pub const fn verb(mut self, verb: Verb) -> Self {
        self.verb = verb;
        self
    }

    /// The text above it.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds a column.
    #[must_use]
    pub fn column(mut self, column: Column) -> Self {
        self.columns.push(column);
        self
    }

    /// What becomes of numbers that JSON has not; default [`NonFinite::Null`], an empty cell.
    #[must_use]
    pub const fn non_finite(mut self, policy: NonFinite) -> Self {
        self.non_finite = policy;
        self
    }

    /// How many rows it has.
    pub fn rows(&self) -> usize {
        self.columns.iter().map(|column| column.data.len()).max().unwrap_or(0)
    }

    pub(super) fn check(&self) -> Result<(), OutputError> {
        self.verb.of("table", Self::VERBS)?;
        let rows = self.rows();
        self.columns.iter().try_for_each(|column| {
            if column.data.len() == rows {
                return column.check(self.non_finite);
            }
            let (column, has) = (column.name.clone(), column.data.len());
            Err(OutputError::Rows { column, has, rows })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_one_length() {
        let table = Table::new().column(Column::text("name", ["a", "b"]));
        table.check().unwrap();
        let error = table.column(Column::number("size", [1])).check().unwrap_err();
        assert_eq!(error.to_string(), "column \"size\" has 1 rows of 2");
    }

    #[test]
    fn a_table_is_not_updated() {
        let error = Table::new().verb(Verb::Update).check().unwrap_err();
        assert_eq!(error, OutputError::Verb { kind: "table", verb: "update".to_owned() });
    }

    #[test]
    fn nan_is_an_empty_cell_unless_it_is_refused() {
        let table = Table::new().column(Column::number("loss", [0.5, f64::NAN]));
        table.check().unwrap();
        assert!(table.columns[0].data[1].is_null());
        let error = table.non_finite(NonFinite::Refuse).check().unwrap_err();
        assert_eq!(error, OutputError::NonFinite { place: "loss".to_owned() });
    }
}
