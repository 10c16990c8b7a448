//! Draws what was found: a column for each sweep, a panel for each cost.

use super::panel::{HEIGHT, Panel, WIDTH};
use super::sweep::{DRAWN, SIDES, Swept};

/// One colour a side; they differ in brightness too.
pub(super) const COLOURS: [&str; 2] = ["#0b4f9c", "#d9730d"];

/// The height of the line above the panels that names the sides.
const HEAD: f64 = 34.0;

/// Writes the picture.
pub(super) fn render(swept: &[Swept]) -> String {
    let (width, height) = (WIDTH * swept.len() as f64, HEAD + HEIGHT * DRAWN as f64);
    let panels = swept.iter().enumerate().flat_map(|(column, swept)| {
        let drawn = swept.sweep.costs.iter().take(DRAWN).enumerate();
        drawn.map(move |(row, cost)| {
            let at = (WIDTH * column as f64, HEAD + HEIGHT * row as f64);
            Panel::new(swept, cost, at).render()
        })
    });
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\" \
         fill=\"#222\">\n<title>What one more task, connection or byte costs</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n{}{}</svg>\n",
        legend(),
        panels.collect::<String>(),
    )
}

fn legend() -> String {
    let side = |(n, side): (usize, &str)| {
        let (x, colour) = (20 + 90 * n, COLOURS[n]);
        format!(
            "<circle cx=\"{x}\" cy=\"20\" r=\"5\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"25\">{side}</text>\n",
            x + 11,
        )
    };
    SIDES.into_iter().enumerate().map(side).collect()
}
