//! What a person sees: lines, and below them a bar where there is a terminal.

use std::fmt::Display;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The bar is a terminal's; elsewhere so many lines stand for it.
const PLAIN_LINES: u32 = 10;

/// Shows how far the training has come. Clones show the same.
#[derive(Clone)]
pub(crate) struct Screen {
    bar: ProgressBar,
    rounds: u32,
}

impl Screen {
    pub(crate) fn new(rounds: u32) -> Self {
        let target = ProgressDrawTarget::stdout();
        let bar = ProgressBar::with_draw_target(Some(rounds.into()), target);
        let style = ProgressStyle::with_template("training [{bar:40}] {pos}/{len} {msg}");
        // A template that cannot be read leaves the default style.
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, rounds }
    }

    /// Prints a line above the bar.
    pub(crate) fn line(&self, line: impl Display) {
        self.bar.suspend(|| println!("{line}"));
    }

    /// Shows that a round is over.
    pub(crate) fn round(&self, number: u32, loss: f64) {
        self.bar.set_message(format!("loss {loss:.4}"));
        self.bar.set_position(number.into());
        if self.bar.is_hidden() && number.is_multiple_of(self.rounds / PLAIN_LINES) {
            let percent = number * 100 / self.rounds;
            println!("training {percent} %: loss {loss:.4}");
        }
    }

    /// Leaves the bar as it is; what is printed then comes below it.
    pub(crate) fn end(&self) {
        self.bar.abandon();
    }
}
