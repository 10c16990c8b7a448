//! The report for people.

use super::{Better, Row};

pub(super) const HEAD: [&str; 11] = [
    "case",
    "metric",
    "unit",
    "ours",
    "yardstick",
    "theirs",
    "ratio",
    "spread",
    "floor",
    "goal",
    "verdict",
];

/// Writes rows as columns under one another; one placement after another.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut text = String::new();
    for of_one in rows.chunk_by(|one, next| one.placement == next.placement) {
        text += &format!("\nplacement: {}\n", of_one[0].placement);
        text += &columns(of_one);
    }
    text
}

fn columns(rows: &[Row]) -> String {
    let head = HEAD.map(str::to_owned);
    let lines: Vec<_> = std::iter::once(head).chain(rows.iter().map(cells)).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|n| lines.iter().map(|line| line[n].chars().count()).max().unwrap_or(0))
        .collect();
    lines.iter().map(|line| aligned(line, &widths)).collect()
}

fn aligned(line: &[String], widths: &[usize]) -> String {
    let cells = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
}

pub(super) fn cells(row: &Row) -> [String; 11] {
    let sign = if row.better == Better::Lower { "≤" } else { "≥" };
    let wanted =
        |figure: Option<f64>| figure.map_or_else(String::new, |f| sign.to_owned() + &short(f));
    let figure = |figure: Option<f64>| figure.map_or_else(|| "–".to_owned(), short);
    let spread = row.spread.map(|[lo, hi]| format!("{}..{}", short(lo), short(hi)));
    [
        row.case.clone(),
        row.metric.clone(),
        row.unit.clone(),
        figure(row.ours),
        row.yardstick.clone(),
        figure(row.theirs),
        figure(row.ratio),
        spread.unwrap_or_default(),
        wanted(row.floor),
        wanted(row.goal),
        verdict(row).to_owned(),
    ]
}

const fn verdict(row: &Row) -> &'static str {
    match (row.gate, row.met, row.goal_met) {
        (false, _, _) => "",
        (true, _, Some(true)) => "goal",
        (true, Some(true), _) => "floor",
        (true, Some(false), _) => "BELOW",
        (true, None, _) => "not measured",
    }
}

/// Three digits that matter, large figures whole.
pub(crate) fn short(figure: f64) -> String {
    match figure.abs() {
        large if large >= 100.0 => format!("{figure:.0}"),
        ten if ten >= 10.0 => format!("{figure:.1}"),
        one if one >= 0.1 || one == 0.0 => format!("{figure:.2}"),
        _ => format!("{figure:.4}"),
    }
}
