//! One cost of one sweep, drawn: the counts grow to the right by their order of magnitude.

use super::axis::Axis;
use super::plot::COLOURS;
use super::sweep::{Cost, SIDES, Swept};

/// A panel's place, with the room for its words.
pub(super) const WIDTH: f64 = 340.0;
pub(super) const HEIGHT: f64 = 270.0;

/// Room for words on the left, on the right, above and below.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 24.0;
const ABOVE: f64 = 30.0;
const BELOW: f64 = 54.0;

/// A panel, ready to be drawn.
pub(super) struct Panel<'a> {
    swept: &'a Swept,
    cost: &'a Cost,
    /// Its upper left corner.
    corner: (f64, f64),
    across: Axis,
    up: Axis,
}

impl<'a> Panel<'a> {
    pub(super) fn new(swept: &'a Swept, cost: &'a Cost, corner: (f64, f64)) -> Self {
        let (x, y) = corner;
        let counts: Vec<_> = swept.sweep.counts.steps().map(|count| count as f64).collect();
        let found = SIDES.iter().flat_map(|side| swept.line(side, cost));
        let figures: Vec<_> = found.map(|(_, figure)| figure).collect();
        let (left, right) = (x + LEFT, x + WIDTH - RIGHT);
        let (bottom, top) = (y + HEIGHT - BELOW, y + ABOVE);
        let up = match cost.is_wide {
            true => Axis::magnitudes(&figures, bottom, top),
            false => Axis::from_zero(&figures, bottom, top),
        };
        Self { swept, cost, corner, across: Axis::fitted(&counts, left, right), up }
    }

    pub(super) fn render(&self) -> String {
        let sides = SIDES.iter().zip(COLOURS);
        let lines: String = sides.map(|(side, colour)| self.line(side, colour)).collect();
        self.words() + &self.rows() + &self.columns() + &lines
    }

    fn words(&self) -> String {
        let (x, y) = self.corner;
        let middle = f64::midpoint(self.across.from, self.across.to);
        format!(
            "<text x=\"{}\" y=\"{}\" font-weight=\"bold\">{}</text>\n\
             <text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
            x + 14.0,
            y + 16.0,
            self.cost.label,
            y + HEIGHT - 16.0,
            self.swept.sweep.title,
        )
    }

    /// A grey line at each mark of the cost.
    fn rows(&self) -> String {
        let (left, right) = (self.across.from, self.across.to);
        let row = |mark: f64| {
            let y = self.up.place(mark);
            format!(
                "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>\n",
                left - 7.0,
                y + 4.5,
            )
        };
        self.up.marks().into_iter().map(row).collect()
    }

    /// The name of every other count: all would not fit.
    fn columns(&self) -> String {
        let counts = &self.swept.sweep.counts;
        let column = |count: usize| {
            let (x, y) = (self.across.place(count as f64), self.up.from);
            format!(
                "<path d=\"M{x:.1} {y}v5\" stroke=\"#888\"/>\
                 <text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                y + 19.0,
                counts.name(count),
            )
        };
        counts.steps().step_by(2).map(column).collect()
    }

    fn line(&self, side: &str, colour: &str) -> String {
        let found = self.swept.line(side, self.cost);
        let place = |(count, figure): &(usize, f64)| {
            (self.across.place(*count as f64), self.up.place(*figure))
        };
        let points: Vec<_> = found.iter().map(place).collect();
        let path: String = points.iter().map(|(x, y)| format!("{x:.1},{y:.1} ")).collect();
        let dot = |(x, y): &(f64, f64)| {
            format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"{colour}\"/>")
        };
        format!(
            "<polyline points=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             {}\n",
            points.iter().map(dot).collect::<String>(),
        )
    }
}
