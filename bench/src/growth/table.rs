//! The figures of a sweep, as a table that a page can take over.

use super::sweep::{SIDES, Swept};
use crate::report::short;

/// Writes a sweep: a cost of a side a line, a count a column.
pub(super) fn render(swept: &Swept) -> String {
    let counts: Vec<_> = swept.sweep.counts.steps().collect();
    let names = counts.iter().map(|count| swept.sweep.counts.name(*count));
    let mut text = line(&format!("{}:", swept.sweep.title), names);
    text += &line("---", counts.iter().map(|_| "---:".to_owned()));
    for cost in &swept.sweep.costs {
        for side in SIDES {
            let found = swept.line(side, cost);
            let at = |count: &usize| found.iter().find(|(at, _)| at == count);
            let figure = |count| at(count).map_or_else(|| "–".to_owned(), |(_, f)| short(*f));
            text += &line(&format!("{}: {side}", cost.label), counts.iter().map(figure));
        }
    }
    text + "\n"
}

fn line(first: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: Vec<_> = cells.collect();
    format!("| {first} | {} |\n", cells.join(" | "))
}
