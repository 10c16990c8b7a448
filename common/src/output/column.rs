//! One column of a table.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OutputError;
use super::value::{Doubts, NonFinite};

/// What the cells of a column are. The words are CloudPSS's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Plain text.
    #[default]
    Text,
    /// HTML. It is for the reader to make it harmless.
    Html,
    /// Numbers.
    Number,
}

/// One column of a table: a name, a type, and a cell for each row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Column {
    /// The text at its head.
    pub name: String,
    /// What its cells are.
    #[serde(rename = "type", default)]
    pub kind: ColumnType,
    /// Its cells from the first row to the last; one that is empty is `null`.
    #[serde(default)]
    pub data: Vec<Value>,
    #[serde(skip)]
    doubts: Doubts,
}

impl Column {
    /// A column of plain text; a cell is text, or an `Option` of it.
    pub fn text<T: Serialize>(name: &str, cells: impl IntoIterator<Item = T>) -> Self {
        Self::of(ColumnType::Text, name, cells)
    }

    /// A column of HTML; a cell is text, or an `Option` of it.
    pub fn html<T: Serialize>(name: &str, cells: impl IntoIterator<Item = T>) -> Self {
        Self::of(ColumnType::Html, name, cells)
    }

    /// A column of numbers; a cell is a number, or an `Option` of it.
    pub fn number<T: Serialize>(name: &str, cells: impl IntoIterator<Item = T>) -> Self {
        Self::of(ColumnType::Number, name, cells)
    }

    fn of<T: Serialize>(kind: ColumnType, name: &str, cells: impl IntoIterator<Item = T>) -> Self {
        let mut doubts = Doubts::default();
        let data = cells.into_iter().map(|cell| doubts.json(name, &cell)).collect();
        Self { name: name.to_owned(), kind, data, doubts }
    }

    pub(super) fn check(&self, policy: NonFinite) -> Result<(), OutputError> {
        self.doubts.check(policy)?;
        let fits = |cell: &Value| match self.kind {
            ColumnType::Text | ColumnType::Html => cell.is_string() || cell.is_null(),
            ColumnType::Number => cell.is_number() || cell.is_null(),
        };
        let Some(row) = self.data.iter().position(|cell| !fits(cell)) else { return Ok(()) };
        let wanted = match self.kind {
            ColumnType::Text | ColumnType::Html => "text",
            ColumnType::Number => "a number",
        };
        Err(OutputError::Cell { column: self.name.clone(), row, wanted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_of_its_columns_type_or_empty() {
        let check = |column: Column| column.check(NonFinite::Null);
        check(Column::number("n", [Some(1.5), None])).unwrap();
        check(Column::text("t", [Some("a"), None])).unwrap();
        let error = check(Column::number("n", ["1", "2"])).unwrap_err();
        assert_eq!(error.to_string(), "row 0 of column \"n\" is not a number");
        let error = check(Column::html("h", [Some(1)])).unwrap_err();
        assert_eq!(error.to_string(), "row 0 of column \"h\" is not text");
    }
}
