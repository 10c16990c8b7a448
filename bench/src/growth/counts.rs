//! Through which counts something grows, and how they are written.

use crate::process::most_connections;

/// The counts of a sweep.
pub(super) struct Counts {
    are_bytes: bool,
    steps: Vec<usize>,
}

impl Counts {
    /// Three decades, or two, with a step between.
    pub(super) fn decades(from: usize, quick: bool) -> Self {
        let steps = (0..4).map(|n| from * 10_usize.pow(n)).flat_map(|step| [step, 3 * step]);
        Self { are_bytes: false, steps: steps.take(if quick { 5 } else { 7 }).collect() }
    }

    /// Those for which there are open files.
    pub(super) fn of_files(mut self) -> Self {
        self.steps.retain(|count| *count <= most_connections());
        self
    }

    /// Sizes from one that a frame hides to one that travels in a thousand parts.
    pub(super) fn bytes(quick: bool) -> Self {
        let steps = [64, 512, 4 << 10, 32 << 10, 256 << 10, 2 << 20, 16 << 20, 64 << 20];
        Self { are_bytes: true, steps: steps[..if quick { 7 } else { 8 }].into() }
    }

    pub(super) fn steps(&self) -> impl Iterator<Item = usize> {
        self.steps.iter().copied()
    }

    /// A count as people write it.
    pub(super) fn name(&self, count: usize) -> String {
        let (step, units) = match self.are_bytes {
            true => (1_024, [" B", " KiB", " MiB"]),
            false => (1_000, ["", " k", " M"]),
        };
        let power = usize::from(count >= step) + usize::from(count >= step * step);
        let whole = count / [1, step, step * step][power];
        format!("{whole}{}", units[power])
    }
}
