//! Where a figure lies on a line of a picture.

/// A scale, and the places of its ends.
pub(super) struct Axis {
    least: f64,
    most: f64,
    is_log: bool,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Axis {
    /// By order of magnitude, from the least to the most.
    pub(super) fn fitted(figures: &[f64], from: f64, to: f64) -> Self {
        let (least, most) = ends(figures);
        Self { least, most, is_log: true, from, to }
    }

    /// By order of magnitude, in whole decades.
    pub(super) fn magnitudes(figures: &[f64], from: f64, to: f64) -> Self {
        let (least, most) = ends(figures);
        let (least, most) = (decade(least.log10().floor()), decade(most.log10().ceil()));
        Self { least, most, is_log: true, from, to }
    }

    /// From zero, so that what is flat looks flat, to a round figure above the most.
    pub(super) fn from_zero(figures: &[f64], from: f64, to: f64) -> Self {
        let step = step(ends(figures).1);
        let most = (ends(figures).1 / step).ceil() * step;
        Self { least: 0.0, most, is_log: false, from, to }
    }

    pub(super) fn place(&self, figure: f64) -> f64 {
        let share = if self.is_log {
            (figure / self.least).log10() / (self.most / self.least).log10()
        } else {
            figure / self.most
        };
        self.from + share * (self.to - self.from)
    }

    /// Round figures along it.
    pub(super) fn marks(&self) -> Vec<f64> {
        if self.is_log {
            let decades = (self.most / self.least).log10().round() as i32;
            return (0..=decades).map(|n| round(self.least * decade(f64::from(n)))).collect();
        }
        let step = step(self.most);
        (0..=(self.most / step).round() as i32).map(|n| round(f64::from(n) * step)).collect()
    }
}

/// The least and the most; something to draw where there is nothing.
fn ends(figures: &[f64]) -> (f64, f64) {
    let least = figures.iter().copied().reduce(f64::min).unwrap_or(1.0);
    let most = figures.iter().copied().reduce(f64::max).unwrap_or(1.0);
    (least.max(1e-6), most.max(1e-6))
}

/// 1, 2 or 5 of a decade, so that there are three to six of it.
fn step(most: f64) -> f64 {
    let below = decade((most / 3.0).log10().floor());
    let wanted = most / 3.0 / below;
    below
        * if wanted >= 5.0 {
            5.0
        } else if wanted >= 2.0 {
            2.0
        } else {
            1.0
        }
}

fn decade(power: f64) -> f64 {
    10_f64.powf(power)
}

/// Without what a binary fraction leaves.
fn round(mark: f64) -> f64 {
    (mark * 1e6).round() / 1e6
}
