//! The grid of a container.

mod parse;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The grid of a container: CSS's `grid-template` in the form that draws its areas.
///
/// Rows are texts of names, one for each column, each with a height behind it if it wants one; the
/// widths of the columns follow behind a slash. `.` is a place that stays empty. An area is a
/// rectangle of places with the same name.
///
/// ```
/// use selsyn_common::GridTemplate;
///
/// let grid: GridTemplate = "'plot plot' 2fr 'table log' 1fr / 1fr 1fr".parse()?;
/// assert_eq!(grid.area("plot").map(|area| area.columns.len()), Some(2));
/// # Ok::<_, selsyn_common::GridError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct GridTemplate {
    text: String,
    areas: Vec<GridArea>,
}

/// A rectangle of a grid.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GridArea {
    /// Its name.
    pub name: String,
    /// The rows it takes, from 0.
    pub rows: Range<usize>,
    /// The columns it takes, from 0.
    pub columns: Range<usize>,
}

/// Why a text is no grid with areas.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no grid: {problem}, at byte {at}")]
pub struct GridError {
    /// Where in the text, in bytes from its beginning.
    pub at: usize,
    /// What is wrong there.
    pub problem: String,
}

impl GridTemplate {
    /// Its areas, in the order in which their names first stand.
    pub fn areas(&self) -> &[GridArea] {
        &self.areas
    }

    /// The area of a name.
    pub fn area(&self, name: &str) -> Option<&GridArea> {
        self.areas.iter().find(|area| area.name == name)
    }
}

/// CloudPSS's own: four areas in two rows and three columns.
impl Default for GridTemplate {
    fn default() -> Self {
        "'item1 . item2' 1fr 'item1 item3 item4' 1fr / 1fr auto 2fr"
            .parse()
            .expect("the grid is well-formed")
    }
}

impl FromStr for GridTemplate {
    type Err = GridError;

    /// Reads a grid.
    ///
    /// # Errors
    ///
    /// [`GridError`] when it is not CSS's form with areas: the message says where and why.
    fn from_str(text: &str) -> Result<Self, GridError> {
        Ok(Self { text: text.to_owned(), areas: parse::areas(text)? })
    }
}

impl TryFrom<String> for GridTemplate {
    type Error = GridError;

    fn try_from(text: String) -> Result<Self, GridError> {
        text.parse()
    }
}

impl From<GridTemplate> for String {
    fn from(grid: GridTemplate) -> Self {
        grid.text
    }
}

/// As it was given.
impl fmt::Display for GridTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn problem(text: &str) -> String {
        text.parse::<GridTemplate>().unwrap_err().to_string()
    }

    #[test]
    fn cloudpsss_own_grid_has_four_areas() {
        let grid = GridTemplate::default();
        let areas = grid
            .areas()
            .iter()
            .map(|area| (area.name.as_str(), area.rows.clone(), area.columns.clone()));
        let expected = [
            ("item1", 0..2, 0..1),
            ("item2", 0..1, 2..3),
            ("item3", 1..2, 1..2),
            ("item4", 1..2, 2..3),
        ];
        assert_eq!(areas.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn css_in_all_its_words_is_read() {
        for text in [
            "'a'",
            "\"a b\" \"a c\"",
            "[top] 'a a' minmax(10px, 1fr) [mid] 'b ...' 50% [end] / [left] auto [x y] 12.5em",
            "'a b'1fr'c d'2fr/fit-content(20%) min-content",
            "'größe -x _y'",
        ] {
            text.parse::<GridTemplate>().unwrap();
        }
    }

    #[test]
    fn what_is_no_grid_is_refused_where_it_ceases_to_be_one() {
        assert_eq!(problem(""), "no grid: a row of names is missing, at byte 0");
        assert_eq!(problem("1fr / 2fr"), "no grid: a row of names is missing, at byte 0");
        assert_eq!(
            problem("'a b' 'c'"),
            "no grid: this row has 1 names, the first has 2, at byte 6"
        );
        assert_eq!(problem("'a b' 1fr 2fr"), "no grid: a row has one height, at byte 10");
        assert_eq!(problem("'a b' 1furlong"), "no grid: \"1furlong\" is no size, at byte 6");
        assert_eq!(problem("'a b"), "no grid: the text has no end, at byte 0");
        assert_eq!(problem("'a' /"), "no grid: the widths of the columns are missing, at byte 5");
        assert_eq!(problem("'a' / 1fr 'b'"), "no grid: a row stands behind the slash, at byte 10");
        assert_eq!(problem("'a' / 1fr / 2fr"), "no grid: a second slash, at byte 10");
        assert_eq!(problem("'a' [x"), "no grid: the bracket has no end, at byte 4");
        assert_eq!(problem("'a' minmax(1px"), "no grid: the bracket has no end, at byte 4");
        assert_eq!(problem("''"), "no grid: this row has no names, at byte 0");
        assert_eq!(problem("'a ?'"), "no grid: \"?\" is no name, at byte 0");
        assert_eq!(problem("'a b' 'b a'"), "no grid: the area \"a\" is no rectangle, at byte 0");
    }

    proptest! {
        #[test]
        fn no_text_is_a_panic(text in "['\"/\\[\\]().a-c0-9 frpx%?é]{0,40}") {
            let _ = text.parse::<GridTemplate>();
        }

        #[test]
        fn a_grid_that_is_cut_into_rectangles_is_read_as_it_was_cut(
            (rows, columns) in (1..6_usize, 1..6_usize),
            at in (0..6_usize, 0..6_usize),
        ) {
            // Four rectangles around one point.
            let (row_at, column_at) = (at.0 % rows, at.1 % columns);
            let name = |row, column| match (row < row_at, column < column_at) {
                (true, true) => "a", (true, false) => "b", (false, true) => "c", _ => "d",
            };
            let lines = (0..rows).map(|row| {
                let names = (0..columns).map(|column| name(row, column)).collect::<Vec<_>>();
                format!("'{}' 1fr", names.join(" "))
            });
            let text = lines.collect::<Vec<_>>().join(" ");
            let grid = text.parse::<GridTemplate>().unwrap();
            let last = grid.area("d").unwrap();
            prop_assert_eq!(last.rows.clone(), row_at..rows);
            prop_assert_eq!(last.columns.clone(), column_at..columns);
            prop_assert_eq!(grid.to_string(), text);
        }
    }
}
