//! Reads CSS's `grid-template` in the form that draws its areas.

use super::{GridArea, GridError};

/// Most areas of a grid: nobody sees more, and each is looked for among the others.
const MAX_AREAS: usize = 1_000;

/// One word of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word<'a> {
    /// A row of names, without its quotes.
    Row(&'a str),
    /// Names of a line, which mean nothing here.
    Line,
    /// A height or a width.
    Size(&'a str),
    Slash,
}

/// The areas of a grid, in the order in which their names first stand.
pub(super) fn areas(text: &str) -> Result<Vec<GridArea>, GridError> {
    let words = words(text)?;
    let slash = words.iter().position(|(_, word)| *word == Word::Slash);
    let (rows, widths) = words.split_at(slash.unwrap_or(words.len()));
    if let Some(widths) = widths.get(1..) {
        check_widths(widths, text.len())?;
    }
    check_heights(rows)?;
    let rows = rows.iter().filter_map(|(at, word)| match word {
        Word::Row(names) => Some((*at, names.split_whitespace().collect::<Vec<_>>())),
        _ => None,
    });
    let rows = rows.collect::<Vec<_>>();
    check_rows(&rows)?;
    rectangles(&rows)
}

fn error(at: usize, problem: impl Into<String>) -> GridError {
    GridError { at, problem: problem.into() }
}

/// The words of the text, each with its place in it.
fn words(text: &str) -> Result<Vec<(usize, Word<'_>)>, GridError> {
    let (mut words, mut at) = (Vec::new(), 0);
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (word, length) = match first {
            _ if first.is_whitespace() => (None, first.len_utf8()),
            '\'' | '"' => {
                let end = rest[1..].find(first).ok_or_else(|| error(at, "the text has no end"))?;
                (Some(Word::Row(&rest[1..=end])), end + 2)
            }
            '[' => {
                let end = rest.find(']').ok_or_else(|| error(at, "the bracket has no end"))?;
                (Some(Word::Line), end + 1)
            }
            '/' => (Some(Word::Slash), 1),
            _ => {
                let end = size_end(rest).ok_or_else(|| error(at, "the bracket has no end"))?;
                (Some(Word::Size(size(&rest[..end], at)?)), end)
            }
        };
        words.extend(word.map(|word| (at, word)));
        at += length;
    }
    Ok(words)
}

/// Where a size ends: at what cannot belong to it, unless that stands in brackets.
fn size_end(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ if c.is_whitespace() || "'\"[/".contains(c) => return Some(at),
            _ => {}
        }
    }
    (depth == 0).then_some(text.len())
}

const UNITS: [&str; 17] = [
    "fr", "%", "px", "em", "rem", "ex", "ch", "vw", "vh", "vmin", "vmax", "cm", "mm", "in", "pt",
    "pc", "q",
];

/// A height or a width, if it is one.
fn size(word: &str, at: usize) -> Result<&str, GridError> {
    let is_function = |name| word.starts_with(name) && word.ends_with(')');
    let number = word.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let unit = word[number.len()..].to_ascii_lowercase();
    let is_length = number.parse::<f64>().is_ok_and(|number| number >= 0.0)
        && (UNITS.contains(&unit.as_str()) || word == "0");
    let is_word = ["auto", "min-content", "max-content"].contains(&word);
    let is_size = is_length || is_word || is_function("minmax(") || is_function("fit-content(");
    if is_size { Ok(word) } else { Err(error(at, format!("{word:?} is no size"))) }
}

/// Behind the slash are sizes, at least one.
fn check_widths(words: &[(usize, Word<'_>)], end: usize) -> Result<(), GridError> {
    for (at, word) in words {
        match word {
            Word::Row(_) => return Err(error(*at, "a row stands behind the slash")),
            Word::Slash => return Err(error(*at, "a second slash")),
            Word::Line | Word::Size(_) => {}
        }
    }
    let has_width = words.iter().any(|(_, word)| matches!(word, Word::Size(_)));
    if has_width { Ok(()) } else { Err(error(end, "the widths of the columns are missing")) }
}

/// Each height stands behind its row, and there is one row at least.
fn check_heights(words: &[(usize, Word<'_>)]) -> Result<(), GridError> {
    let mut heights = None;
    for (at, word) in words {
        match (word, heights) {
            (Word::Row(_), _) => heights = Some(0),
            (Word::Size(_), None) => return Err(error(*at, "a row of names is missing")),
            (Word::Size(_), Some(0)) => heights = Some(1),
            (Word::Size(_), Some(_)) => return Err(error(*at, "a row has one height")),
            (Word::Line | Word::Slash, _) => {}
        }
    }
    heights.map(|_| ()).ok_or_else(|| error(0, "a row of names is missing"))
}

/// All rows have as many names as the first, and each is a name or empty.
fn check_rows(rows: &[(usize, Vec<&str>)]) -> Result<(), GridError> {
    let columns = rows.first().map_or(0, |(_, names)| names.len());
    for (at, names) in rows {
        if names.is_empty() {
            return Err(error(*at, "this row has no names"));
        }
        if names.len() != columns {
            let has = names.len();
            return Err(error(*at, format!("this row has {has} names, the first has {columns}")));
        }
        if let Some(name) = names.iter().find(|name| !is_empty(name) && !is_name(name)) {
            return Err(error(*at, format!("{name:?} is no name")));
        }
    }
    Ok(())
}

/// A place that stays empty: one dot or more.
fn is_empty(name: &str) -> bool {
    name.bytes().all(|byte| byte == b'.')
}

/// CSS is content with nearly any letter in a name.
fn is_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

/// The areas, if each of them is a rectangle.
fn rectangles(rows: &[(usize, Vec<&str>)]) -> Result<Vec<GridArea>, GridError> {
    let mut areas: Vec<(GridArea, usize, usize)> = Vec::new();
    for (row, (at, names)) in rows.iter().enumerate() {
        for (column, name) in names.iter().enumerate().filter(|(_, name)| !is_empty(name)) {
            let is_full = areas.len() == MAX_AREAS;
            match areas.iter_mut().find(|(area, ..)| area.name == *name) {
                Some((area, places, _)) => {
                    area.rows.end = row + 1;
                    area.columns.start = area.columns.start.min(column);
                    area.columns.end = area.columns.end.max(column + 1);
                    *places += 1;
                }
                None if is_full => {
                    return Err(error(*at, format!("there are more than {MAX_AREAS} areas")));
                }
                None => {
                    let (rows, columns) = (row..row + 1, column..column + 1);
                    areas.push((GridArea { name: (*name).to_owned(), rows, columns }, 1, *at));
                }
            }
        }
    }
    let ragged = areas.iter().find(|(area, places, _)| {
        // It has no more places than its rectangle: it is that one if it has as many.
        area.rows.len() * area.columns.len() != *places
    });
    if let Some((area, _, at)) = ragged {
        return Err(error(*at, format!("the area {:?} is no rectangle", area.name)));
    }
    Ok(areas.into_iter().map(|(area, ..)| area).collect())
}
