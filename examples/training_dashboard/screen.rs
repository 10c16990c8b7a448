//! Draws a picture with letters: what a page would do with the same outputs.

use selsyn::{
    Container, ContainerItem, ItemQuery, OutputContent, Picture, Plot, Progress, Table, Trace,
};

const BAR: usize = 30;
const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Bars first, then the tabs one below the other, then the log.
pub(crate) fn draw(picture: &Picture) {
    for content in picture.iter() {
        if let OutputContent::Progress(progress) = content {
            draw_bar(progress);
        }
    }
    for content in picture.iter() {
        if let OutputContent::Container(container) = content {
            draw_tabs(container, picture);
        }
    }
    println!("[Log]");
    for line in picture.log() {
        println!("{} {}", line.level, line.content);
    }
}

fn draw_bar(progress: &Progress) {
    let done = (progress.value * BAR as f64).round() as usize;
    let counts = progress.counts.map(|counts| format!("{}/{}", counts.done, counts.total));
    let (bar, counts) = ("▓".repeat(done), counts.unwrap_or_default());
    println!("{} {bar:░<BAR$} {counts}", progress.title);
}

fn draw_tabs(tabs: &Container, picture: &Picture) {
    for item in &tabs.items {
        println!("[{}]", item.title);
        match shown_at(item, picture) {
            Some(OutputContent::Plot(plot)) => draw_plot(plot),
            Some(OutputContent::Table(table)) => draw_table(table),
            _ => println!("{}", item.placeholder),
        }
    }
}

fn shown_at<'a>(item: &ContainerItem, picture: &'a Picture) -> Option<&'a OutputContent> {
    let ItemQuery::Message { key, .. } = &item.query else { return None };
    picture.get(key)
}

fn draw_plot(plot: &Plot) {
    println!("{}", plot.title);
    for trace in &plot.traces {
        let values = numbers(trace);
        let name = trace.attributes().get("name").and_then(|name| name.as_str());
        let last = values.last().copied().unwrap_or(f64::NAN);
        println!("{:>12} {} {last:.4}", name.unwrap_or_default(), line_of(&values));
    }
}

fn numbers(trace: &Trace) -> Vec<f64> {
    let values = trace.attributes().get("y").and_then(|y| y.as_array());
    values.into_iter().flatten().filter_map(|value| value.as_f64()).collect()
}

/// A curve as high as a line of text, on a logarithmic scale.
fn line_of(values: &[f64]) -> String {
    let logs = || values.iter().map(|value| value.ln());
    let (lowest, highest) = (logs().fold(f64::MAX, f64::min), logs().fold(f64::MIN, f64::max));
    let top = (HEIGHTS.len() - 1) as f64;
    let height = |log: f64| (log - lowest) / (highest - lowest) * top;
    logs().map(|log| HEIGHTS[height(log).round() as usize]).collect()
}

fn draw_table(table: &Table) {
    println!("{}", table.title);
    print_row(table.columns.iter().map(|column| column.name.clone()));
    for row in 0..table.rows() {
        let cells = table.columns.iter().map(|column| &column.data[row]);
        print_row(cells.map(|cell| cell.as_str().map_or_else(|| cell.to_string(), str::to_owned)));
    }
}

fn print_row(cells: impl Iterator<Item = String>) {
    let cells: Vec<_> = cells.map(|cell| format!("{cell:>12}")).collect();
    println!("{}", cells.join(""));
}
