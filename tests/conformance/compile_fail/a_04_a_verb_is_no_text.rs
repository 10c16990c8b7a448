//! a verb is no text that could be misspelt.

use selsyn::Plot;

fn main() {
    let _ = Plot::new().verb("repalce");
}
